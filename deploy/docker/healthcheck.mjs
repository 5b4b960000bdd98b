// Exit 0 when the service in this container is alive. /health/live, not /health/ready: a service whose ClickHouse is
// away waits for it, and a restart would only make it read again.
const port = process.env.RISKWIRE_PORT ?? '9400';
const answer = await fetch(`http://127.0.0.1:${port}/health/live`, { signal: AbortSignal.timeout(4000) }).catch((error) => {
  console.error(`no answer on port ${port}: ${error.cause?.code ?? error.message}`);
  process.exit(1);
});
if (!answer.ok) console.error(`${answer.status} ${await answer.text()}`);
process.exit(answer.ok ? 0 : 1);
