// Prints what takes long, and what fails.
import { subscribe } from 'callnext/tracing';

export function printSlowStages(milliseconds: number): () => void {
  const begun = new WeakMap<object, number>();
  return subscribe({
    start(event) {
      begun.set(event, performance.now());
    },
    asyncEnd(event) {
      const { stage, name, error } = event;
      const took = performance.now() - (begun.get(event) ?? Number.NaN);
      if (error) console.log(`${stage} ${name} failed:`, error);
      else if (took >= milliseconds)
        console.log(`${stage} ${name} took ${Math.round(took)} ms`);
    },
    report({ error, phase, name }) {
      console.log(`reported ${phase} ${name ?? ''}:`, error.message);
    },
  });
}
