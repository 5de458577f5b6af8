// node-redis (npm `redis`): node node_redis.js PORT [RESP]. Prints a JSON line for each call.
'use strict';
const { createClient } = require('redis');
const { show } = require('./report');

const port = Number(process.argv[2]);
const RESP = Number(process.argv[3] || 2);

async function strings(r) {
  await show('ping', () => r.ping());
  await show('set', () => r.set('s', 'value'));
  await show('set options', () => r.set('s', 'next', { EX: 1000, GET: true }));
  await show('set nx', () => r.set('s', 'no', { NX: true }));
  await show('get', () => r.get('s'));
  await show('ttl in range', async () => { const t = await r.ttl('s'); return t > 900 && t <= 1000; });
  await show('incrBy', () => r.incrBy('n', 7));
  await show('decr', () => r.decr('n'));
  await show('incrByFloat', () => r.incrByFloat('f', 0.1));
  await show('mSet', () => r.mSet([['a', '1'], ['b', '2']]));
  await show('mGet', () => r.mGet(['a', 'b', 'none']));
  await show('append', () => r.append('s', '!'));
  await show('getRange', () => r.getRange('s', 1, 3));
  await show('strLen', () => r.strLen('s'));
  await show('setBit', () => r.setBit('bits', 3, 1));
  await show('bitPos', () => r.bitPos('bits', 1));
  await show('getDel', () => r.getDel('b'));
}

async function lists(r) {
  await show('rPush', () => r.rPush('l', ['a', 'b', 'c', 'b']));
  await show('lPush', () => r.lPush('l', 'z'));
  await show('lRange', () => r.lRange('l', 0, -1));
  await show('lRem', () => r.lRem('l', 0, 'b'));
  await show('lIndex', () => r.lIndex('l', 1));
  await show('lTrim', () => r.lTrim('l', 0, 1));
  await show('rPopCount', () => r.rPopCount('l', 5));
  await show('lLen', () => r.lLen('l'));
  await show('lPushX', () => r.lPushX('l', 'x'));
  const other = r.duplicate();
  await other.connect();
  const waiting = other.blMove('from', 'to', 'LEFT', 'RIGHT', 5);
  await r.rPush('from', 'job');
  await show('blMove', () => waiting);
  other.destroy();
}

async function hashes(r) {
  await show('hSet', () => r.hSet('h', { name: 'orbit', count: 1 }));
  await show('hGet', () => r.hGet('h', 'name'));
  await show('hGetAll', () => r.hGetAll('h'));
  await show('hExists', () => r.hExists('h', 'none'));
  await show('hIncrBy', () => r.hIncrBy('h', 'count', 9));
  await show('hVals', () => r.hVals('h'), 'any');
  await show('hSetNX', () => r.hSetNX('h', 'name', 'x'));
  await show('hScanIterator', async () => {
    const found = [];
    for await (const page of r.hScanIterator('h')) found.push(page);
    return found.flat().map((e) => e.field).sort();
  });
  await show('hDel', () => r.hDel('h', ['name', 'count']));
  await show('exists', () => r.exists('h'));
}

async function sets(r) {
  await show('sAdd', () => r.sAdd('t', ['x', 'y', 'z']));
  await show('sMembers', () => r.sMembers('t'), 'any');
  await show('sIsMember', () => r.sIsMember('t', 'x'));
  await show('sMove', () => r.sMove('t', 'u', 'x'));
  await show('sDiff', () => r.sDiff(['t', 'u']), 'any');
  await show('sInterCard', () => r.sInterCard(['t', 'u']));
  await show('sCard', () => r.sCard('t'));
  await show('sRem', () => r.sRem('t', ['y', 'none']));
}

async function zsets(r) {
  await show('zAdd', () => r.zAdd('z', [{ score: 1, value: 'a' }, { score: 2, value: 'b' }, { score: 2.5, value: 'c' }]));
  await show('zRange', () => r.zRange('z', 0, -1));
  await show('zRangeWithScores', () => r.zRangeWithScores('z', '(1', 'inf', { BY: 'SCORE' }));
  await show('zScore', () => r.zScore('z', 'c'));
  await show('zScore none', () => r.zScore('z', 'none'));
  await show('zRank', () => r.zRank('z', 'b'));
  await show('zIncrBy', () => r.zIncrBy('z', 10, 'a'));
  await show('zPopMax', () => r.zPopMax('z'));
  await show('zCount', () => r.zCount('z', 0, 2));
  await show('zInterStore', () => r.zInterStore('zi', ['z', 'z']));
  await show('zRemRangeByScore', () => r.zRemRangeByScore('z', 2, 2));
  await show('geoAdd', () => r.geoAdd('g', [{ longitude: 2.35, latitude: 48.85, member: 'Paris' }, { longitude: 4.83, latitude: 45.76, member: 'Lyon' }]));
  await show('geoDist', () => r.geoDist('g', 'Paris', 'Lyon', 'km'));
  await show('geoHash', () => r.geoHash('g', 'Paris'));
  await show('pfAdd', () => r.pfAdd('p', ['1', '2']));
  await show('pfCount', () => r.pfCount('p'));
}

async function streams(r) {
  await show('xAdd', () => r.xAdd('x', '1-0', { f: 'v' }));
  await show('xAdd 2', () => r.xAdd('x', '2-0', { f: 'w', g: 'h' }));
  await show('xLen', () => r.xLen('x'));
  await show('xRange', () => r.xRange('x', '-', '+'));
  await show('xGroupCreate', () => r.xGroupCreate('x', 'grp', '0'));
  await show('xGroupCreate again', () => r.xGroupCreate('x', 'grp', '0'));
  await show('xReadGroup', () => r.xReadGroup('grp', 'me', { key: 'x', id: '>' }, { COUNT: 1 }));
  await show('xPending', () => r.xPending('x', 'grp'));
  await show('xAutoClaim', () => r.xAutoClaim('x', 'grp', 'you', 0, '0'));
  await show('xAck', () => r.xAck('x', 'grp', '1-0'));
  await show('xInfoStream', async () => { const i = await r.xInfoStream('x'); return [i.length, i.groups]; });
  await show('xTrim', () => r.xTrim('x', 'MAXLEN', 1));
}

async function rest(r) {
  await show('multi', () => r.multi().set('m', '1').incr('m').hGetAll('none').exec());
  await show('multi error', () => r.multi().incr('m').lPush('m', 'x').execAsPipeline().catch((e) => ({ replies: e.replies && e.replies.length })));
  await show('eval', () => r.eval('return {1, ARGV[1], {KEYS[1]}}', { keys: ['k'], arguments: ['a'] }));
  await show('scriptLoad evalSha', async () => r.evalSha(await r.scriptLoad('return redis.call("TYPE", KEYS[1])'), { keys: ['z'] }));
  await show('functionLoad', () => r.functionLoad("#!lua name=lib\nredis.register_function('f', function(k, a) return a[1] end)", { REPLACE: true }));
  await show('fCall', () => r.fCall('f', { keys: [], arguments: ['hello'] }));
  await show('sort', () => r.sort('t', { ALPHA: true }));
  await show('scanIterator', async () => {
    const found = [];
    for await (const page of r.scanIterator({ COUNT: 3 })) found.push(page);
    return [...new Set(found.flat())].sort();
  });
  await show('expire', () => r.expire('m', 100, 'NX'));
  await show('persist', () => r.persist('m'));
  await show('copy', () => r.copy('m', 'm2'));
  await show('renameNX', () => r.renameNX('m2', 'm'));
  await show('type', () => r.type('z'));
  await show('touch', () => r.touch(['m', 'z', 'none']));
  await show('sendCommand', () => r.sendCommand(['ECHO', 'hi']));
  await show('error', () => r.sendCommand(['INCR', 'z']));
  await show('keys', () => r.keys('m*'), 'any');
  const sub = r.duplicate();
  await sub.connect();
  const heard = new Promise((done) => { sub.subscribe('news', (message, channel) => done([channel, message])); });
  await new Promise((done) => setTimeout(done, 50));
  await show('publish', () => r.publish('news', 'sun'));
  await show('message', () => heard);
  sub.destroy();
}

async function main() {
  const r = createClient({ url: `redis://127.0.0.1:${port}`, RESP });
  r.on('error', (e) => { console.error(e.message); process.exit(1); });
  await r.connect();
  await show('flushAll', () => r.flushAll());
  for (const part of [strings, lists, hashes, sets, zsets, streams, rest]) await part(r);
  process.exit(0);
}

main();
