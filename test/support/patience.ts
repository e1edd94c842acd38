/**
 * Runs a test past the five seconds that callnext waits, without waiting. `pass` waits until a timer runs, and then lets this
 * many milliseconds pass. Sockets, and the timers of Node itself, go on as ever.
 */
export async function skippingTime<T>(test: (pass: (ms: number) => Promise<void>) => Promise<T>): Promise<T> {
  const real = ['nextTick', 'setImmediate', 'clearImmediate', 'queueMicrotask', 'Date'] as const;
  jest.useFakeTimers({ doNotFake: [...real, 'setInterval', 'clearInterval', 'performance', 'hrtime'] });
  const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));
  try {
    return await test(async ms => {
      while (jest.getTimerCount() === 0) await turn();
      jest.advanceTimersByTime(ms);
      await turn();
    });
  } finally {
    jest.useRealTimers();
  }
}
