// SPDX-License-Identifier: MPL-2.0
// test/interop/tuf-js/ours.mjs - a repository that room trust made, verified by tuf-js and by noded's client
//
//   usage: ours.mjs TUF-REPOSITORY TUF-CLIENT DIR
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Updater } from 'tuf-js';
import { NodedClient, copyWith, flipHex, run, say, serve, sha256 } from './lib.mjs';

const [repositoryProgram, clientProgram, top] = process.argv.slice(2);
const made = path.join(top, 'made');
fs.mkdirSync(made);
const { status, output } = await run(repositoryProgram, made);
assert.equal(status, 0, output);
const targets = {};
for (const line of output.trim().split('\n')) {
  const [moment, name] = line.split(' ');
  (targets[moment] ??= []).push(name);
}
const moments = ['first', 'publisher', 'rotated'];
assert.deepEqual(Object.keys(targets), moments);
assert.equal(targets.rotated.length, 3);
const server = await serve(path.join(made, 'first'));
const root = path.join(made, 'first', 'metadata', '1.root.json');

let clients = 0;
// tuf-js with a directory of its own that has only the first root.
function tufJs() {
  const directory = path.join(top, `tuf-js.${++clients}`);
  const metadataDir = path.join(directory, 'metadata');
  const targetDir = path.join(directory, 'targets');
  fs.mkdirSync(metadataDir, { recursive: true });
  fs.mkdirSync(targetDir);
  fs.copyFileSync(root, path.join(metadataDir, 'root.json'));
  return {
    updater: () => new Updater({
      metadataDir, metadataBaseUrl: `${server.url}/metadata`, targetDir, targetBaseUrl: `${server.url}/targets`,
      config: { fetchRetry: 0 },
    }),
  };
}

async function download(client, name) {
  const updater = client.updater();
  await updater.refresh();
  const info = await updater.getTargetInfo(name);
  assert(info, `${name} is not found`);
  const data = fs.readFileSync(await updater.downloadTarget(info));
  assert.equal(sha256(data), name.split('/')[1]);
  return info;
}

// One client of each kind lives through all moments; others come late.
const old = tufJs();
const oldNoded = new NodedClient(clientProgram, path.join(top, 'noded.old'), server, root);
assert.equal((await oldNoded.init()).status, 0);
for (const moment of moments) {
  server.directory = path.join(made, moment);
  const late = tufJs();
  const lateNoded = new NodedClient(clientProgram, path.join(top, `noded.${moment}`), server, root);
  assert.equal((await lateNoded.init()).status, 0);
  for (const name of targets[moment]) {
    for (const client of [old, late]) {
      const { custom } = await download(client, name);
      assert.equal(custom.application, name.split('/')[0]);
      assert(custom['release-counter'] >= 1);
    }
    for (const client of [oldNoded, lateNoded]) {
      const result = await client.download(name);
      assert.equal(result.status, 0, result.output);
      assert.equal(sha256(client.downloaded(name)), name.split('/')[1]);
    }
  }
  say(`tuf-js and noded's client verify "${moment}": ${targets[moment].length} targets`);
}

// Rollback: an earlier moment is refused by whoever has seen a later one.
for (const moment of ['publisher', 'first']) {
  server.directory = path.join(made, moment);
  await assert.rejects(old.updater().refresh());
  assert.equal((await oldNoded.refresh()).status, 1);
}
say('an earlier moment is refused');

// A digit of each metadata file is changed in three places, and each file is removed.
let refused = 0;
for (const moment of moments) {
  const metadata = fs.readdirSync(path.join(made, moment, 'metadata')).filter((name) => name !== '1.root.json');
  assert(metadata.length >= 3);
  for (const name of metadata) {
    for (const change of [(data) => flipHex(data, 0), (data) => flipHex(data, 1), (data) => flipHex(data, 5)]) {
      server.directory = copyWith(path.join(made, moment), `metadata/${name}`, change);
      const client = new NodedClient(clientProgram, path.join(top, `noded.${++clients}`), server, root);
      await client.init();
      for (const target of targets[moment]) {
        const by = name.split('.').at(-2); // the role
        if (by === 'alice' && target.startsWith('noded/')) continue; // found before
        const theirs = await download(tufJs(), target).then(() => 'accepted', () => 'refused');
        const ours = (await client.download(target)).status === 0 ? 'accepted' : 'refused';
        // A signature beyond the threshold may be wrong.
        assert.equal(ours, theirs, `${moment} ${name} ${target}`);
        if (ours === 'refused') refused++;
      }
      fs.rmSync(server.directory, { recursive: true });
    }
  }
}
assert(refused > 20, `${refused} refused`);
say(`changed metadata: ${refused} downloads refused, by both clients alike`);

// A changed and a longer target.
const [name] = targets.first;
const [application, digest] = name.split('/');
for (const change of [
  (data) => { data[data.length >> 1] ^= 1; return data; },
  (data) => Buffer.concat([data, data]),
  (data) => data.subarray(1),
]) {
  server.directory = copyWith(path.join(made, 'first'), `targets/${application}/${digest}.${digest}`, change);
  await assert.rejects(download(tufJs(), name));
  const client = new NodedClient(clientProgram, path.join(top, `noded.${++clients}`), server, root);
  await client.init();
  assert.equal((await client.download(name)).status, 1);
}
say('a tampered target is refused');
await server.close();
