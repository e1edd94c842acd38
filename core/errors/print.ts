/** Prints errors whatever they contain: the console reads their fields, which may throw. */
export function print(message: string, ...errors: readonly Error[]): void {
  try {
    console.error(message, ...errors);
  } catch {
    printAsText(message, errors);
  }
}

function printAsText(message: string, errors: readonly Error[]): void {
  try {
    console.error(message, ...errors.map(error => error.stack ?? String(error)));
  } catch {
    // The console itself fails, so nothing can print the error.
  }
}
