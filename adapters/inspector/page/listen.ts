import type { Batch } from '../shown/record.js';
import { byId } from './dom.js';

/** Milliseconds until the page shows that it is not connected: the server ends each connection in time. */
const patience = 3_000;

/**
 * Listens to the events at the address of the page itself, with its query, which `allow` may check. The
 * browser connects again by itself.
 */
export function listen(take: (batch: Batch) => void): void {
  const source = new EventSource(location.pathname + location.search);
  let lost: ReturnType<typeof setTimeout> | undefined;
  const tell = (state: string, text: string): void => {
    const shown = byId('connection');
    shown.dataset.state = state;
    if (shown.textContent !== text) shown.textContent = text;
  };
  source.onopen = () => {
    clearTimeout(lost);
    lost = undefined;
    tell('live', 'Live');
  };
  source.onmessage = ({ data }) => take(JSON.parse(data));
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) return tell('lost', 'Refused: reload the page');
    lost ??= setTimeout(() => tell('lost', 'Connection lost, trying again…'), patience);
  };
}
