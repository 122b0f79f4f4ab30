// SPDX-License-Identifier: MPL-2.0
// test/interop/tuf-js/theirs.mjs - a repository that @tufjs/models made and signed, verified by noded's client
//
//   usage: theirs.mjs TUF-CLIENT DIR
//
// Its keys are of all three schemes. It delegates by paths and by path_hash_prefixes.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { canonicalize } from '@tufjs/canonical-json';
import models from '@tufjs/models';
import { Updater } from 'tuf-js';
import { DAY, NodedClient, copyWith, flipHex, say, serve, sha256 } from './lib.mjs';

const { Key, MetaFile, Metadata, Root, Signature, Snapshot, TargetFile, Targets, Timestamp } = models;
const [clientProgram, top] = process.argv.slice(2);

class Signer {
  constructor(type) {
    const kinds = {
      ed25519: ['ed25519', 'ed25519', {}],
      ecdsa: ['ec', 'ecdsa-sha2-nistp256', { namedCurve: 'P-256' }],
      rsa: ['rsa', 'rsassa-pss-sha256', { modulusLength: 2048 }],
    };
    const [kind, scheme, options] = kinds[type];
    const pair = crypto.generateKeyPairSync(kind, options);
    this.privateKey = pair.privateKey;
    this.type = type;
    const value = type === 'ed25519' ? pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex')
      : pair.publicKey.export({ type: 'spki', format: 'pem' });
    const json = { keytype: type, keyval: { public: value }, scheme };
    this.key = Key.fromJSON(sha256(canonicalize(json)), json);
  }
  sign(data) {
    const sig = this.type === 'ed25519' ? crypto.sign(null, data, this.privateKey)
      : this.type === 'ecdsa' ? crypto.sign('sha256', data, this.privateKey)
        : crypto.sign('sha256', data, {
          key: this.privateKey, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32,
        });
    return new Signature({ keyID: this.key.keyID, sig: sig.toString('hex') });
  }
}

const expires = new Date(Date.now() + 30 * DAY).toISOString().replace(/\.\d+Z$/, 'Z');
const common = { specVersion: '1.0.34', expires };

class Repository {
  constructor(directory) {
    this.directory = directory;
    for (const below of ['metadata', 'targets']) fs.mkdirSync(path.join(directory, below), { recursive: true });
    const make = (...types) => types.map((type) => new Signer(type));
    this.keys = {
      root: make('ed25519', 'ecdsa', 'rsa'), targets: make('ecdsa', 'rsa'), snapshot: make('rsa'), timestamp: make('ecdsa'),
      paths: make('ed25519', 'rsa'), prefixes: make('ecdsa'),
    };
    this.thresholds = { root: 3, targets: 2, snapshot: 1, timestamp: 1 };
    this.version = 0;
    this.roots = 0;
    this.contents = {
      'top \u00e4 "x" \\.txt': Buffer.from('of the top level'),
      'project/a/one.bin': crypto.randomBytes(5000),
      'hashed/two': Buffer.from('below a prefix of its hash'),
    };
  }
  write(name, metadata, signers) {
    for (const signer of signers) metadata.sign((data) => signer.sign(data));
    const bytes = Buffer.from(JSON.stringify(metadata.toJSON(), null, 1));
    fs.writeFileSync(path.join(this.directory, 'metadata', name), bytes);
    return new MetaFile({ version: metadata.signed.version, length: bytes.length, hashes: { sha256: sha256(bytes) } });
  }
  writeRoot(more = []) {
    const keys = {};
    const roles = {};
    for (const [role, threshold] of Object.entries(this.thresholds)) {
      roles[role] = { keyids: this.keys[role].map((signer) => signer.key.keyID), threshold };
      for (const { key } of this.keys[role]) keys[key.keyID] = key.toJSON();
    }
    const root = Root.fromJSON({
      _type: 'root', consistent_snapshot: true, expires, keys, roles, spec_version: common.specVersion, version: ++this.roots,
    });
    this.write(`${this.roots}.root.json`, new Metadata(root), [...more, ...this.keys.root]);
  }
  target(name) {
    const data = this.contents[name];
    const digest = sha256(data);
    const { dir, base } = path.posix.parse(name);
    fs.mkdirSync(path.join(this.directory, 'targets', dir), { recursive: true });
    fs.writeFileSync(path.join(this.directory, 'targets', dir, `${digest}.${base}`), data);
    return { [name]: new TargetFile({ path: name, length: data.length, hashes: { sha256: digest } }).toJSON() };
  }
  writeRest() {
    const version = ++this.version;
    const [top, project, hashed] = Object.keys(this.contents);
    const role = (name, rest) => ({
      name, keyids: this.keys[name].map((signer) => signer.key.keyID), threshold: this.keys[name].length, terminating: false,
      ...rest,
    });
    const keys = {};
    for (const { key } of [...this.keys.paths, ...this.keys.prefixes]) keys[key.keyID] = key.toJSON();
    const delegations = {
      keys,
      roles: [
        role('paths', { paths: ['project/?/*.bin'] }),
        role('prefixes', { path_hash_prefixes: [sha256(hashed).slice(0, 2)] }),
      ],
    };
    const meta = {};
    const targets = (name, file, extra, signers) => {
      const metadata = new Metadata(Targets.fromJSON({
        _type: 'targets', expires, spec_version: common.specVersion, targets: this.target(file), version, ...extra,
      }));
      meta[`${name}.json`] = this.write(`${version}.${name}.json`, metadata, signers);
    };
    targets('targets', top, { delegations }, this.keys.targets);
    targets('paths', project, {}, this.keys.paths);
    targets('prefixes', hashed, {}, this.keys.prefixes);
    const snapshot = this.write(`${version}.snapshot.json`, new Metadata(new Snapshot({ ...common, version, meta })),
      this.keys.snapshot);
    this.write('timestamp.json', new Metadata(new Timestamp({ ...common, version, snapshotMeta: snapshot })),
      this.keys.timestamp);
  }
}

const repository = new Repository(path.join(top, 'theirs'));
repository.writeRoot();
repository.writeRest();
const server = await serve(repository.directory);
const root = path.join(repository.directory, 'metadata', '1.root.json');
const names = Object.keys(repository.contents);

let clients = 0;
async function clientMake() {
  const client = new NodedClient(clientProgram, path.join(top, `theirs.client.${++clients}`), server, root);
  const result = await client.init();
  assert.equal(result.status, 0, result.output);
  return client;
}

// tuf-js is the judge of whether the repository was made well.
async function tufJsDownload(name) {
  const metadataDir = fs.mkdtempSync(path.join(top, 'theirs.tuf-js.'));
  fs.copyFileSync(root, path.join(metadataDir, 'root.json'));
  const updater = new Updater({
    metadataDir, metadataBaseUrl: `${server.url}/metadata`, targetDir: metadataDir, targetBaseUrl: `${server.url}/targets`,
    config: { fetchRetry: 0 },
  });
  await updater.refresh();
  const info = await updater.getTargetInfo(name);
  assert(info, `${name} is not found`);
  return fs.readFileSync(await updater.downloadTarget(info));
}

async function check(client) {
  for (const name of names) {
    const result = await client.download(name);
    assert.equal(result.status, 0, `${name}: ${result.output}`);
    assert.deepEqual(client.downloaded(name), repository.contents[name]);
  }
  assert.deepEqual(await tufJsDownload(names[1]), repository.contents[names[1]]);
}

const old = await clientMake();
await check(old);
say('noded\'s client verifies a repository of @tufjs/models: ed25519, P-256 and RSA-PSS keys, paths and hash prefixes');

// All keys are exchanged, and a client from the beginning follows.
const leaving = repository.keys.root;
const types = (signers) => signers.map((signer) => new Signer(signer.type));
for (const role of Object.keys(repository.keys)) repository.keys[role] = types(repository.keys[role]);
repository.writeRoot(leaving);
repository.writeRest();
await check(old);
await check(await clientMake());
say('it follows a root with all keys exchanged');

// One digit is changed in each metadata file.
const honest = server.directory;
let refused = 0;
const current = fs.readdirSync(path.join(honest, 'metadata'))
  .filter((name) => /^2\.|^timestamp/.test(name));
assert.equal(current.length, 6);
for (const file of current) {
  server.directory = copyWith(honest, `metadata/${file}`, (data) => flipHex(data, 0));
  const client = await clientMake();
  const results = [];
  for (const name of names) results.push((await client.download(name)).status);
  assert(results.includes(1), `${file} changed: ${results}`);
  if (!/paths|prefixes/.test(file)) assert.deepEqual(results, [1, 1, 1], file);
  refused += results.filter((status) => status === 1).length;
}
say(`changed metadata: ${refused} downloads refused`);

for (const name of names) {
  const { dir, base } = path.posix.parse(name);
  const file = path.posix.join('targets', dir, `${sha256(repository.contents[name])}.${base}`);
  server.directory = copyWith(honest, file, (data) => { data[0] ^= 1; return data; });
  const client = await clientMake();
  assert.equal((await client.download(name)).status, 1, `${name} is accepted`);
}
say('a tampered target is refused');
await server.close();
