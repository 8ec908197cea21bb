/** Takes the exit code of a command: 0 well, 1 failed, 2 wrong use. */
export type Ended = (code: number) => void;
