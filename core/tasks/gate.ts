/** A promise that is resolved from outside. */
export class Gate {
  open: () => void = () => undefined;
  readonly opened = new Promise<void>(resolve => {
    this.open = resolve;
  });
}
