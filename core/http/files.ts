export interface OpenFile {
  /** In bytes. */
  readonly size: number;
  readonly modified: Date;
  /** Reads the bytes from `start` to `end`, both inclusive. Ends early if the file has shrunk. */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
  /** Closes the file after any pending read. A second call does nothing. */
  close(): Promise<void>;
}

/** The file access of an adapter, a part of its port. */
export interface Files {
  /**
   * Opens a file; later changes to its path do not affect what is sent. `undefined` if the path is not a
   * file, such as a directory; rejects if it is missing or unreadable.
   */
  open(path: string): Promise<OpenFile | undefined>;
}
