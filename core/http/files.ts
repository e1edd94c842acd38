/** A file that is open for reading. */
export interface OpenFile {
  /** Bytes. */
  readonly size: number;
  readonly modified: Date;
  /** The bytes from `start` to `end`, both included. Ends early where the file has become shorter. */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
  /** Closes the file, when a read that is under way is through. Does nothing the second time. */
  close(): Promise<void>;
}

/** How files are read: a part of the port that an adapter implements. */
export interface Files {
  /**
   * Opens a file, so that nothing that happens to its path later changes what is sent. `undefined` where
   * something else is at the path, such as a directory; rejects where there is nothing, or nothing that may
   * be read.
   */
  open(path: string): Promise<OpenFile | undefined>;
}
