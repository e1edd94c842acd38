/** What is known of a file before it is read. */
export interface FileStat {
  /** Bytes. */
  readonly size: number;
  readonly modified: Date;
  readonly isFile: boolean;
}

/** How files are read: a part of the port that an adapter implements. */
export interface Files {
  /** Rejects where there is nothing at the path, or nothing that may be read. */
  stat(path: string): Promise<FileStat>;
  /** The bytes from `start` to `end`, both included. Opened when it is read, and closed when it is left. */
  read(path: string, start: number, end: number): AsyncIterable<Uint8Array>;
}
