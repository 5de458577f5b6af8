// BullMQ: node bullmq.js PORT [JOBS]. A queue of jobs with delays, retries and priorities; ends with `N passed, N failed`.
'use strict';
const { Queue, Worker, QueueEvents } = require('bullmq');

const connection = { host: '127.0.0.1', port: Number(process.argv[2]), maxRetriesPerRequest: null };
const JOBS = Number(process.argv[3] || 1000);
const NAME = 'orbit';

let passed = 0;
let failed = 0;
function check(what, ok, detail) {
  if (ok) passed += 1;
  else failed += 1;
  if (!ok) console.log(`FAILED ${what}: ${detail}`);
}

// Every fifth job waits, every tenth fails at first, every fiftieth always; priorities 1 to 3 or none.
function options(i) {
  const o = { attempts: 3, backoff: { type: 'fixed', delay: 20 } };
  if (i % 5 === 0) o.delay = 100 + (i % 7) * 50;
  if (i % 3 === 0) o.priority = 1 + (i % 9) / 3;
  return o;
}

async function run() {
  const queue = new Queue(NAME, { connection });
  await queue.obliterate({ force: true });
  const events = new QueueEvents(NAME, { connection });
  await events.waitUntilReady();
  const tries = new Map();
  const early = [];
  const finished = new Map();
  let completedEvents = 0;
  events.on('completed', () => { completedEvents += 1; });

  await queue.pause();
  for (let i = 0; i < JOBS; i += 100) {
    await queue.addBulk(Array.from({ length: Math.min(100, JOBS - i) }, (_, k) => (
      { name: 'job', data: { i: i + k }, opts: options(i + k) })));
  }
  const counts = await queue.getJobCounts();
  check('jobs are queued', counts.paused + counts.prioritized + counts.delayed === JOBS, JSON.stringify(counts));
  await queue.resume();

  const worker = new Worker(NAME, async (job) => {
    const { i } = job.data;
    tries.set(i, (tries.get(i) || 0) + 1);
    if (job.opts.delay && job.attemptsMade === 0 && Date.now() < job.timestamp + job.opts.delay - 5) early.push(i);
    await job.updateProgress(50);
    if (i % 50 === 0 || (i % 10 === 0 && tries.get(i) === 1)) throw new Error(`try ${tries.get(i)}`);
    return i * 2;
  }, { connection, concurrency: 20 });
  worker.on('completed', (job, value) => finished.set(job.data.i, value));
  let lost = 0;
  worker.on('failed', (job) => { if (job.attemptsMade >= 3) lost += 1; });

  const deadline = Date.now() + 120000;
  const alwaysFail = Math.ceil(JOBS / 50);
  while (finished.size + lost < JOBS && Date.now() < deadline) await new Promise((done) => setTimeout(done, 50));
  await new Promise((done) => setTimeout(done, 200));

  const end = await queue.getJobCounts();
  check('completed', end.completed === JOBS - alwaysFail, JSON.stringify(end));
  check('failed', end.failed === alwaysFail, JSON.stringify(end));
  check('nothing is left', end.waiting + end.active + end.delayed + end.prioritized + end.paused === 0, JSON.stringify(end));
  check('values', [...finished].every(([i, v]) => v === i * 2) && finished.size === JOBS - alwaysFail, finished.size);
  check('no delayed job ran early', early.length === 0, early.join());
  const wrong = [...tries].filter(([i, n]) => n !== (i % 50 === 0 ? 3 : i % 10 === 0 ? 2 : 1));
  check('tries', wrong.length === 0 && tries.size === JOBS, JSON.stringify(wrong.slice(0, 5)));
  check('events', completedEvents === JOBS - alwaysFail, completedEvents);

  // Priorities: with one worker at a time the lower number comes first.
  await worker.close();
  await queue.obliterate({ force: true });
  await queue.pause();
  for (const p of [3, 1, 2, 3, 1, 2]) await queue.add('prio', { p }, { priority: p });
  const order = [];
  await queue.resume();
  const slow = new Worker(NAME, async (job) => { order.push(job.data.p); }, { connection, concurrency: 1 });
  const until = Date.now() + 20000;
  while (order.length < 6 && Date.now() < until) await new Promise((done) => setTimeout(done, 20));
  check('priorities', order.join() === '1,1,2,2,3,3', order.join());
  await slow.close();
  await queue.obliterate({ force: true });
  await events.close();
  await queue.close();
}

run().catch((e) => check('run', false, e.stack)).then(() => {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
});
