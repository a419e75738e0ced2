// Reads delivery events from the queue QUEUE_URL until SIGTERM or Ctrl-C.

import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";

const LONG_POLL = 20; // seconds: the longest that SQS waits for a message, and the cheapest
const REMEMBERED = 100_000; // ids

const queue = { QueueUrl: process.env.QUEUE_URL };
if (!queue.QueueUrl) {
  console.error("QUEUE_URL is not set: the queue to read");
  process.exit(1);
}

const sqs = new SQSClient({});
const stopping = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => stopping.abort());

// Events come at least once. A real application keeps the ids where it keeps what handling changes, and writes both in
// one transaction; this forgets them when it ends.
const handled = new Set();

while (!stopping.signal.aborted) {
  for (const message of await receive()) {
    if (stopping.signal.aborted) break; // it comes again when its visibility ends
    try {
      await take(JSON.parse(message.Body));
    } catch (error) {
      // Not deleted, it comes again, and in the end it is in the dead-letter queue.
      console.error(`not handled: ${error.name}`);
      continue;
    }
    await sqs.send(new DeleteMessageCommand({ ...queue, ReceiptHandle: message.ReceiptHandle }));
  }
}

async function receive() {
  const wanted = new ReceiveMessageCommand({ ...queue, MaxNumberOfMessages: 10, WaitTimeSeconds: LONG_POLL });
  try {
    return (await sqs.send(wanted, { abortSignal: stopping.signal })).Messages ?? [];
  } catch (error) {
    if (stopping.signal.aborted) return []; // what was on its way comes again
    throw error;
  }
}

async function take(event) {
  if (handled.has(event.id)) return;
  await handle(event);
  handled.add(event.id);
  if (handled.size > REMEMBERED) handled.delete(handled.values().next().value);
}

// Whatever your application does. Events come in no order: let nothing undo what `data.final` said was the last.
async function handle({ type, data }) {
  switch (type) {
    case "sms.message.delivered":
    case "sms.message.undelivered":
    case "sms.message.rejected":
      return console.log(type, data.client_reference, data.status, data.error_class ?? "-");
    case "sms.message.unknown":
      return console.log(type, data.client_reference, "nobody knows yet: a report may still come; do not resend");
    case "sms.inbound.received":
      return console.log(type, data.in_reply_to?.client_reference ?? "-", data.text);
    default: // new types may come: ignore what you do not know
      return console.log(type);
  }
}
