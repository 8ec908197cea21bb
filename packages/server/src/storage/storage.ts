/** Blobs that outlive their job: data sets, run rows, bundles. A folder today; another store keeps to this interface. */
export interface Storage {
  /** Absolute path of a local folder below the storage, made when missing. Parts are plain names. */
  folder(...parts: string[]): Promise<string>;
  /** Removes a file or folder below the storage; what is not there is fine. */
  remove(...parts: string[]): Promise<void>;
  /** Bytes that are stored, as they were counted within the last minute, and bytes that are free. */
  usage(): Promise<{ usedBytes: number; freeBytes: number }>;
  /** Can it be written to? */
  check(): Promise<void>;
}
