/** Scenarios for the tests: small connectors that print what they have found. `scenarios.py` has the same. */
import { appendFileSync, readFileSync } from 'node:fs';
import { connect, run } from '@slipway/connector-sdk';

const say = (value) => process.stdout.write(JSON.stringify(value));

const scenarios = {
  async write({ output, writer, flush }) {
    await output.write({ id: 1, price: { amount: 9.5, currency: 'EUR' }, tags: ['a', 'b'] });
    await output.write([
      { id: 12345678901234567890n, 'updated-at': new Date(Date.UTC(2026, 4, 11)) },
      { id: 'ä "x"\n', none: null, left: undefined },
    ]);
    await flush();
    await writer('output', { separator: '.' }).write({ id: 4, price: { amount: 1 } });
    await flush();
    await output.stream(
      (async function* () {
        for (const id of [5, 6]) yield { id };
      })(),
    );
    await output.stream([]);
    await output.write({ id: 7 });
    say(output.count);
  },

  async batches({ writer, settings }) {
    const output = writer('output', {
      batchRows: settings.number('rows'),
      batchBytes: settings.number('bytes'),
    });
    for (let id = 0; id < 10; id++) await output.write({ id });
    await output.flush();
  },

  async read({ input, read }) {
    const seen = [];
    for await (const row of input) {
      seen.push(row.id);
      if (seen.length === 3) break;
    }
    for await (const rows of input.batches(2)) {
      seen.push(rows.map(({ id }) => id));
      if (seen.length === 5) break;
    }
    for await (const { id } of input) seen.push(id);
    for await (const { id } of input) seen.push(`never ${id}`);
    await input.restart();
    for await (const row of read('input', { showHidden: true })) {
      seen.push(row);
      break;
    }
    for await (const { id } of read('input', { classification: 111 })) seen.push(`class ${id}`);
    for await (const { id } of input) seen.push(id);
    say({ seen, count: await input.count(), inClass: await read('input', { classification: 111 }).count() });
  },

  async changes({ changes }) {
    const seen = [];
    for await (const { kind, row } of changes()) seen.push([kind, row.id]);
    for await (const { kind, row } of changes(['unchanged'])) seen.push([kind, row.id]);
    say(seen);
  },

  async messages({ log, notify, events }) {
    const levels = 'debug info notice warning error critical alert emergency success report'.split(' ');
    for (const level of levels) log[level](`${level} entry`, { level });
    await log.info('with an error', { error: new TypeError('wrong'), big: 2n ** 64n });
    for (const level of ['success', 'info', 'warning', 'error']) await notify[level](`${level} line`);
    for (let item = 0; item < 501; item++) {
      await events.write({
        code: 'WARNING_NO_PRICE',
        message: 'No price.',
        itemId: item,
        context: { column: 'price' },
      });
    }
    await events.write([{ code: 'INFO_SEEN', message: 'Seen.' }]);
    say(events.count);
  },

  async state({ state }) {
    const results = [await state.get('key')];
    results.push(await state.set('key', { id: 1 }, { ifNew: true }), await state.get('key'));
    const { version, updatedAt } = await state.entry('key');
    results.push(version, Number.isNaN(updatedAt.getTime()));
    results.push(
      await state.set('key', [1, 'two', null], { ifVersion: version, commit: 'now' }),
      await state.get('key'),
    );
    for (const attempt of [
      () => state.set('key', 1, { ifVersion: 1 }),
      () => state.set('key', 1, { ifNew: true }),
      () => state.delete('key', { ifVersion: 9 }),
      () => state.set('a/b', 1),
    ]) {
      results.push(await attempt().catch((error) => `${error.name}: ${error.message}`));
    }
    results.push(
      await state.delete('key', { ifVersion: 2 }),
      await state.delete('key'),
      await state.get('key'),
    );
    say(results.map((result) => result ?? null));
  },

  async files({ exchange, bucket, storage }) {
    const path = await exchange.write('out/feed é.csv', ['id\n', '1\n']);
    const results = [path === exchange.path('/out/feed é.csv')];
    await bucket.upload('out/feed é.csv', 'kept/feed é.csv');
    await bucket.upload(path);
    results.push(readFileSync(await bucket.download('kept/feed é.csv'), 'utf8'));
    results.push((await bucket.downloadIfExists('kept/other.csv')) ?? null);
    await bucket.delete('kept/feed é.csv');
    const process = await storage.toTransport('out', 'delivered');
    await process.finished();
    await (await storage.toInternal('out/feed é.csv')).finished();
    results.push((await process.status()).exitCode, await storage.pending());
    await storage.logProcesses();
    for (const attempt of [
      () => bucket.download('kept/feed é.csv'),
      () => bucket.delete('kept/feed é.csv'),
      () => bucket.upload('none.csv'),
      () => storage.toTransport('none', '../x'),
      async () => exchange.path('a/../../x'),
    ]) {
      results.push(await attempt().catch((error) => error.message));
    }
    say(results);
  },

  async storageFails({ exchange, storage }) {
    await exchange.write('big.csv', 'x');
    const process = await storage.toTransport('big.csv', 'taken/below.csv');
    await process.finished().then(
      () => say('finished'),
      (error) => say(`${error.name}: ${error.message.replace(process.id, '<id>')}`),
    );
  },

  async information({ settings, run: info, metadata, columnOrder, classifications }) {
    const tryIt = (read) => {
      try {
        return read();
      } catch (error) {
        return `${error.name}: ${error.message}`;
      }
    };
    say([
      settings.get('api-url') ?? null,
      settings.get('none', 'fallback'),
      settings.get('empty', 'fallback'),
      settings.required('api-url'),
      settings.flag('should_fail'),
      settings.flag('none'),
      settings.number('limit'),
      settings.list('kinds'),
      settings.auth('refresh_token') ?? null,
      settings.secret('google-io::shopping', 'key') ?? null,
      tryIt(() => settings.required('shop-password')),
      tryIt(() => settings.number('api-url')),
      [info.siteId, info.environment, info.stage ?? null],
      (({ site, connector, runId }) => [site.name, connector.type, runId])(await metadata()),
      await columnOrder(),
      await columnOrder({ showHidden: true }),
      await classifications(),
      await classifications('SECOND'),
    ]);
  },

  async refused({ output, feedback, writer, read, log, events }) {
    const results = [];
    const attempt = async (action) => {
      results.push(
        await action().then(
          () => null,
          (error) => `${error.name}: ${error.message}`,
        ),
      );
    };
    const rows = writer('output', { batchRows: 2 });
    await rows.write([{ id: 1 }, { id: 2 }]);
    await rows.flush();
    await rows.write([{ id: 3 }, { '': 4 }]);
    await attempt(() => rows.flush());
    await attempt(() => rows.write({ id: 5 }));
    await attempt(() => output.write(() => 0));
    await attempt(async () => output.stream([{ id: 6 }, { id: 7 }, { '': 8 }]));
    await attempt(async () => {
      for await (const row of read('new')) throw new Error(`never ${row.id}`);
    });
    await attempt(() => log.info(''));
    await attempt(() => events.write({ code: 'wrong', message: 'x' }).then(() => events.flush()));
    await feedback.write({ id: 1 });
    await feedback.close();
    await feedback.write({ id: 2 });
    await attempt(() => feedback.flush());
    say(results);
    process.exit(0);
  },

  async sourceFails({ output }) {
    await output.stream(
      (function* () {
        yield { id: 1 };
        throw new Error('The shop does not answer.');
      })(),
    );
  },

  /** Writes numbered rows until it is told to end; says what was flushed. */
  async writeOn({ writer, log, settings }) {
    const output = writer('output', { batchRows: 50 });
    const total = settings.number('rows');
    for (let id = 0; id < total; id++) {
      await output.write({ id });
      if (id % 100 !== 99) continue;
      await output.flush();
      await log.info(`${id + 1} rows`);
      if (id === 199) process.stdout.write('under way\n');
    }
  },

  /** Reads slowly and notes what it gets. */
  async readOn({ input, settings }) {
    let rows = 0;
    for await (const { id } of input) {
      appendFileSync(settings.required('notes'), `${id}\n`);
      rows += 1;
      if (rows === 200) process.stdout.write('under way\n');
    }
  },

  /** Changes a checkpoint with its version, over and over. */
  async stateOn({ state, settings }) {
    let version;
    for (let value = 1; value <= settings.number('rows'); value++) {
      version = await state.set('n', value, version === undefined ? { ifNew: true } : { ifVersion: version });
      if (value === 50) process.stdout.write('under way\n');
    }
    say({ value: await state.get('n'), version });
  },

  /** One row each, with a time-out that a Container API which stands still exceeds. */
  async impatient({ settings }) {
    const connector = connect({ timeoutMs: 300 });
    for (let id = 0; id < settings.number('rows'); id++) {
      await connector.output.write({ id });
      await connector.flush();
      if (id === 50) process.stdout.write('under way\n');
    }
    await connector.close();
  },

  /** A source that pauses for longer than the Container API waits. */
  async slowSource() {
    const connector = connect({ timeoutMs: 400 });
    await connector.output.stream(
      (async function* () {
        for (let id = 0; id < 3; id++) {
          yield { id };
          await new Promise((resolve) => setTimeout(resolve, 1200));
        }
      })(),
    );
    await connector.close();
  },

  async tooLarge({ output, settings }) {
    const row = { text: 'x'.repeat(settings.number('characters')) };
    const action = settings.flag('stream')
      ? output.stream([row])
      : output.write(row).then(() => output.flush());
    say(await action.catch((error) => `${error.name}: ${error.message}`));
    process.exit(0);
  },

  async unreachable() {
    const connector = connect({ retryMs: 100 });
    await connector.log
      .info('x')
      .catch(({ name, message }) => say(`${name}: ${message.replace(/\d+ times/, 'n times')}`));
    process.exit(0);
  },

  async copyAll({ input, output }) {
    for await (const row of input) await output.write({ ...row, copied: true });
    say(output.count);
  },

  /** A source that is faster than any disk. */
  async flood({ output, settings }) {
    const text = 'x'.repeat(200);
    const total = settings.number('rows');
    await output.stream(
      (function* () {
        for (let id = 0; id < total; id++) yield { id, text };
      })(),
    );
    say(output.count);
  },

  /** Streams rows until the connection fails. */
  async streamOn({ output }) {
    const text = 'x'.repeat(1000);
    const rows = function* () {
      for (let id = 0; ; id++) {
        if (id === 2000) process.stdout.write('under way\n');
        yield { id, text };
      }
    };
    say(await output.stream(rows()).catch((error) => `${error.name}: ${error.message}`));
  },

  async cancelled({ input, output, state, log, signal }) {
    try {
      for await (const row of input) {
        await output.write(row);
        if (output.count === 10) process.stdout.write('under way\n');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    } finally {
      await state.set('stopped', signal.aborted);
      log.warning('stopped');
    }
  },

  async fails({ output, log }) {
    await output.write({ id: 1 });
    log.error('going down');
    setInterval(() => {}, 1000);
    throw new Error('The shop does not answer.', { cause: new Error('connect ETIMEDOUT') });
  },
};

await run(scenarios[process.argv[2]] ?? (() => {}));
