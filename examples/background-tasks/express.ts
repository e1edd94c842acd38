import { Layer } from 'callnext';
import { backgroundTasks, toExpress } from 'callnext/express';
import { requestId } from 'callnext/middleware/request-id';
import express from 'express';

export const mails: string[] = [];
async function sendMail(to: string) {
  mails.push(to);
}

const layer = new Layer({
  middleware: [
    requestId({
      // The id that the app's logger has given to the request, such as that of pino-http.
      generator: ({ raw }) => String((raw as { req: { id?: number } }).req.id),
    }),
  ],
});

export const app = express();
app.use((req, _res, next) => {
  Object.assign(req, { id: 7 }); // stands for the logger
  next();
});
app.use(toExpress(layer));
app.use(express.json());
app.post('/orders', (req, res) => {
  backgroundTasks(req).addTask(sendMail, req.body.email);
  // A 5xx or an error drops the task.
  res.status(req.body.email ? 201 : 500).json({ ok: true });
});
