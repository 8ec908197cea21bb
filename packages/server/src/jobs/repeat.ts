import type { Logger } from 'pino';

/** Something that is done again and again. */
export interface Repeated {
  /** Ends it, after what is being done now. */
  stop(): Promise<void>;
}

/** Does the work at once and then every `milliseconds`, never twice at the same time. What fails is done again next time. */
export function repeat(milliseconds: number, work: () => Promise<void>, log: Logger): Repeated {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const once = async (): Promise<void> => {
    await work().catch((error: unknown) => log.error({ err: error }, 'repeated work failed'));
    if (!stopped)
      timer = setTimeout(() => {
        doing = once();
      }, milliseconds);
  };
  let doing = once();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await doing;
    },
  };
}
