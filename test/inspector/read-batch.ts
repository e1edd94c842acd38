import type { TestClient } from 'callnext/testing';
import type { Batch } from '../../adapters/inspector/shown/record.js';

export interface ReadBatch extends Batch {
  readonly eventId: string;
}

/** The first batch of events that the inspector at a path sends. */
export async function readBatch(
  client: TestClient,
  { path = '/inspector', lastEventId = '' }: { path?: string; lastEventId?: string } = {},
): Promise<ReadBatch> {
  const headers = { accept: 'text/event-stream', ...(lastEventId ? { 'last-event-id': lastEventId } : {}) };
  const response = await client.get(path, { headers, stream: true });
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk as Uint8Array).toString();
    if (text.includes('\n\n')) break;
  }
  const fields = Object.fromEntries(
    text.split('\n').map(line => /^(?<name>\w+): (?<value>.*)$/.exec(line)?.slice(1) ?? ['', '']),
  );
  return { ...JSON.parse(fields.data), eventId: fields.id };
}
