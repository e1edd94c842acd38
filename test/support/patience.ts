/**
 * Runs a test past callnext's five-second waits without waiting. `pass` waits until a timer is set, and then
 * skips this many milliseconds. Sockets and Node's internal timers are unaffected.
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
