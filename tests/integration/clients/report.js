// What the Node.js scripts share: one JSON line for each call, in a form that does not depend on the client's own types.
'use strict';

function plain(value) {
  if (value === undefined || value === null) return null;
  if (value instanceof Error) return { error: value.message };
  if (Buffer.isBuffer(value)) return value.toString('latin1');
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Map) return plain(Object.fromEntries(value));
  if (value instanceof Set) return [...value].map(plain).sort();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object') {
    return Object.fromEntries(Object.keys(value).sort().map((k) => [k, plain(value[k])]));
  }
  return value;
}

let calls = 0;

// Runs one call and prints its reply; a rejection is a reply too. order: 'any' for replies without one.
async function show(name, call, order) {
  let reply;
  try {
    reply = plain(await call());
  } catch (e) {
    reply = { error: e.message };
  }
  if (order === 'any' && Array.isArray(reply)) reply.sort();
  calls += 1;
  console.log(JSON.stringify({ call: name, reply }));
}

module.exports = { show, plain, count: () => calls };
