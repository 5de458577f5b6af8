// ioredis: node ioredis.js PORT. Prints a JSON line for each call.
'use strict';
const Redis = require('ioredis');
const { show } = require('./report');

const port = Number(process.argv[2]);

async function strings(r) {
  await show('ping', () => r.ping());
  await show('set', () => r.set('s', 'value'));
  await show('set nx', () => r.set('s', 'other', 'NX'));
  await show('set get ex', () => r.set('s', 'third', 'EX', 1000, 'GET'));
  await show('getBuffer', () => r.getBuffer('s'));
  await show('getex persist', () => r.getex('s', 'PERSIST'));
  await show('ttl', () => r.ttl('s'));
  await show('incrby', () => r.incrby('n', 42));
  await show('incrbyfloat', () => r.incrbyfloat('f', 2.5));
  await show('mset', () => r.mset({ a: 1, b: 2 }));
  await show('mget', () => r.mget('a', 'b', 'none'));
  await show('append', () => r.append('s', '+more'));
  await show('setrange', () => r.setrange('s', 2, 'XX'));
  await show('getrange', () => r.getrange('s', 0, -2));
  await show('setbit', () => r.setbit('bits', 7, 1));
  await show('bitcount', () => r.bitcount('bits'));
  await show('bitfield', () => r.bitfield('bits', 'SET', 'u8', 0, 200, 'GET', 'u4', 0));
  await show('getdel', () => r.getdel('a'));
  await show('lcs', () => r.lcs('s', 'b'));
}

async function lists(r) {
  await show('rpush', () => r.rpush('l', 'a', 'b', 'c', 'd'));
  await show('lpush', () => r.lpush('l', 'z'));
  await show('lrange', () => r.lrange('l', 0, -1));
  await show('linsert', () => r.linsert('l', 'BEFORE', 'c', 'x'));
  await show('lpos', () => r.lpos('l', 'x'));
  await show('lset', () => r.lset('l', 0, 'first'));
  await show('lset error', () => r.lset('l', 99, 'no'));
  await show('lmove', () => r.lmove('l', 'l2', 'LEFT', 'RIGHT'));
  await show('lpop count', () => r.lpop('l', 2));
  await show('lmpop', () => r.lmpop(2, 'none', 'l', 'LEFT'));
  await show('wrong type', () => r.incr('l'));
  const other = r.duplicate();
  const waiting = other.blpop('queue', 'queue2', 5);
  await r.rpush('queue2', 'job');
  await show('blpop', () => waiting);
  other.disconnect();
}

async function hashes(r) {
  await show('hset', () => r.hset('h', { name: 'orbit', age: '1', blank: '' }));
  await show('hgetall', () => r.hgetall('h'));
  await show('hmget', () => r.hmget('h', 'name', 'none'));
  await show('hincrby', () => r.hincrby('h', 'age', 41));
  await show('hincrbyfloat', () => r.hincrbyfloat('h', 'age', 0.5));
  await show('hkeys', () => r.hkeys('h'), 'any');
  await show('hdel', () => r.hdel('h', 'blank', 'none'));
  await show('hrandfield all', () => r.hrandfield('h', 10), 'any');
  await show('hscan', async () => (await r.hscan('h', 0))[1].length);
}

async function sets(r) {
  await show('sadd', () => r.sadd('t', 'one', 'two', 'three'));
  await show('sadd ints', () => r.sadd('t2', 1, 2, 3));
  await show('smembers', () => r.smembers('t'), 'any');
  await show('smismember', () => r.smismember('t', 'one', 'four'));
  await show('sinter', () => r.sinter('t', 't2'));
  await show('sunionstore', () => r.sunionstore('t3', 't', 't2'));
  await show('sscanStream', async () => {
    const found = [];
    for await (const page of r.sscanStream('t3', { count: 2 })) found.push(...page);
    return [...new Set(found)].sort();
  });
  await show('sort', () => r.sort('t3', 'ALPHA', 'DESC', 'LIMIT', 0, 3));
}

async function zsets(r) {
  await show('zadd', () => r.zadd('z', 1, 'a', 2.5, 'b', 3, 'c'));
  await show('zadd gt ch', () => r.zadd('z', 'GT', 'CH', 0, 'a', 9, 'b'));
  await show('zrange', () => r.zrange('z', 0, -1, 'WITHSCORES'));
  await show('zrangebyscore', () => r.zrangebyscore('z', '(1', '+inf', 'LIMIT', 0, 1));
  await show('zrevrank', () => r.zrevrank('z', 'a'));
  await show('zincrby', () => r.zincrby('z', 0.25, 'a'));
  await show('zpopmin', () => r.zpopmin('z'));
  await show('zunion', () => r.zunion(2, 'z', 't', 'WITHSCORES'));
  await show('zmscore', () => r.zmscore('z', 'b', 'none'));
  await show('geoadd', () => r.geoadd('g', 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania'));
  await show('geodist', () => r.geodist('g', 'Palermo', 'Catania', 'KM'));
  await show('geosearch', () => r.geosearch('g', 'FROMLONLAT', 15, 37, 'BYRADIUS', 200, 'km', 'ASC'));
  await show('pfadd', () => r.pfadd('p', 'x', 'y', 'z'));
  await show('pfcount', () => r.pfcount('p'));
}

async function streams(r) {
  await show('xadd', () => r.xadd('x', '1-1', 'f', 'v'));
  await show('xadd maxlen', () => r.xadd('x', 'MAXLEN', '=', 2, '2-1', 'f', 'w', 'g', '1'));
  await show('xadd small id', () => r.xadd('x', '1-0', 'f', 'v'));
  await show('xrange', () => r.xrange('x', '-', '+'));
  await show('xgroup', () => r.xgroup('CREATE', 'x', 'grp', '0'));
  await show('xreadgroup', () => r.xreadgroup('GROUP', 'grp', 'me', 'COUNT', 1, 'STREAMS', 'x', '>'));
  await show('xpending', () => r.xpending('x', 'grp'));
  await show('xack', () => r.xack('x', 'grp', '1-1'));
  await show('xread', () => r.xread('STREAMS', 'x', '1-1'));
}

async function rest(r) {
  await show('pipeline', () => r.pipeline().set('q', 1).incr('q').lpush('q', 'x').get('q').exec());
  await show('multi', () => r.multi().incr('q').hset('h', 'k', 'v').exec());
  await r.watch('q');
  await r.duplicate().incr('q');
  await show('watch', () => r.multi().set('q', 'lost').exec());
  await show('eval', () => r.eval("return {KEYS[1], ARGV[1], redis.call('GET', KEYS[1])}", 1, 'q', 'arg'));
  r.defineCommand('double', { numberOfKeys: 1, lua: "return redis.call('INCRBY', KEYS[1], redis.call('GET', KEYS[1]))" });
  await show('defineCommand', () => r.double('q'));
  await show('script error', () => r.eval("return redis.call('INCR', KEYS[1])", 1, 'h'));
  await show('scanStream', async () => {
    const found = [];
    for await (const page of r.scanStream({ match: '?', count: 5 })) found.push(...page);
    return [...new Set(found)].sort();
  });
  await show('copy', () => r.copy('h', 'h2'));
  await show('rename', () => r.rename('h2', 'h3'));
  await show('type', () => r.type('h3'));
  await show('object encoding', () => r.object('ENCODING', 'q'));
  await show('dump restore', async () => r.restore('h4', 0, await r.dumpBuffer('h3')));
  await show('restored', () => r.hgetall('h4'));
  await show('expireat', () => r.expireat('h4', 2000000000));
  await show('expiretime', () => r.expiretime('h4'));
  await show('unlink', () => r.unlink('h4', 'h3', 'none'));
  await show('unknown', () => r.call('NOSUCHCOMMAND', 'a'));
  await show('dbsize', () => r.dbsize());
  const sub = r.duplicate();
  const heard = new Promise((done) => sub.on('pmessage', (...m) => done(m)));
  await show('psubscribe', () => sub.psubscribe('news.*'));
  await show('publish', () => r.publish('news.today', 'sun'));
  await show('pmessage', () => heard);
  sub.disconnect();
}

async function main() {
  const r = new Redis({ port, host: '127.0.0.1' });
  await show('flushall', () => r.flushall());
  for (const part of [strings, lists, hashes, sets, zsets, streams, rest]) await part(r);
  process.exit(0);
}

main();
