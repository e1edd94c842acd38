// What the endpoints and the tasks depend on: stand-ins for a database and a
// mail server.
export interface Order {
  readonly id: number;
  readonly email: string;
}

const orders = new Map<number, Order>();

export async function* getDb() {
  const db = {
    order: async (id: number): Promise<Order | undefined> => orders.get(id),
    async add(email: string): Promise<Order> {
      const order = { id: orders.size + 1, email };
      orders.set(order.id, order);
      return order;
    },
  };
  yield db;
}

export interface Mail {
  readonly to: string;
  readonly idempotencyKey: string;
  readonly subject?: string;
}

interface MailOptions {
  readonly idempotencyKey: string;
  readonly subject?: string;
  readonly signal?: AbortSignal;
}

export const sent: Mail[] = [];

/** Entered once per process. Like a real server, it sends a key once. */
export async function* getMailer() {
  yield {
    async send(to: string, { signal, ...mail }: MailOptions): Promise<void> {
      signal?.throwIfAborted();
      const { idempotencyKey: key } = mail;
      if (sent.every(({ idempotencyKey }) => idempotencyKey !== key))
        sent.push({ to, ...mail });
    },
  };
}
