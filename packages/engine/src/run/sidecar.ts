/**
 * The engine's view of the Container API beside a run. The engine decides where it listens and when it stops; what
 * it serves is the caller's business, who hands over a function that starts it.
 */
export interface Sidecar {
  /** Where it listens, for instance `http://127.0.0.1:40123`. */
  readonly url: string;
  readonly port: number;
  /** Finishes calls that have arrived (5 s at most) and closes both output streams. */
  closeOutputs(): Promise<void>;
  /** Waits for storage processes that are running; when the signal is aborted they are stopped. */
  finishProcesses(signal: AbortSignal): Promise<void>;
  /** Counters of the run; asked for after {@link closeOutputs}. */
  summary(): SidecarSummary | Promise<SidecarSummary>;
  close(): Promise<void>;
  /** Ends when the sidecar stopped by itself; absent where that can not happen without the server. */
  readonly died?: Promise<void>;
}

/** What the engine needs to know to tell how a run ended; more fields pass through untouched. */
export interface SidecarSummary {
  /** A write to `output` was answered 5xx, or rows could not be stored. */
  readonly outputFailed: boolean;
  /** Status of the first write to `output` that was refused with a 4xx other than 400 and 409. */
  readonly outputRefusedStatus: number | null;
  /** The first storage process that failed and was not repeated with success. */
  readonly failedProcess: { readonly id: string; readonly cause: string } | null;
  /** Rows given out per input stream; the counters are there where a sidecar in a process of its own has left them. */
  readonly rowsRead?: Readonly<Record<string, number>>;
  readonly requests?: number;
  /** Answers outside 200 to 299. */
  readonly errors?: number;
}

/** Where a sidecar is to listen. */
export interface SidecarListen {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  /** Base URL that the connector is told, whose host the sidecar has to accept; null: its own address. */
  readonly publicUrl: string | null;
  /** Whether requests with another host's absolute address are forwarded (container-api.md 2.1). */
  readonly forwardProxy: boolean;
  /** Absolute path of the exchange folder as the connector sees it. */
  readonly exchangePath: string;
}

/** Starts the sidecar of a run. It answers every endpoint when the promise is fulfilled. */
export type StartSidecar = (listen: SidecarListen) => Promise<Sidecar>;

/** What a driver needs that starts the sidecar in a process of its own, with its configuration in a file. */
export interface SidecarPlan {
  /** Absolute path of the run's folder: everything the sidecar must not lose. The exchange folder lies in it. */
  readonly folder: string;
  /** Absolute path of the linked bucket's folder; null: none is linked. */
  readonly bucketFolder: string | null;
  /** Absolute path of the run's log journal, which the sidecar writes. */
  readonly journal: string;
  /** Image to use; null: the engine's. */
  readonly image: string | null;
  /** Values that the sidecar hides. */
  readonly secretValues: readonly string[];
  /** The configuration of the run (`RunConfig`), with the paths as the sidecar sees them. */
  readonly config: (
    paths: { readonly folder: string; readonly bucketFolder: string | null },
    listen: SidecarListen,
  ) => Readonly<Record<string, unknown>>;
  /** What the sidecar has left about the run when it ended; null when it did not end in order. */
  readonly readSummary: () => Promise<SidecarSummary | null>;
}
