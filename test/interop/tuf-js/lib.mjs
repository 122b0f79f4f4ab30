// SPDX-License-Identifier: MPL-2.0
// test/interop/tuf-js/lib.mjs - what both directions share: a web server, clients, checks
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';

export const DAY = 86400 * 1000;
export const sha256 = (data) => crypto.createHash('sha256').update(data).digest('hex');

// A server for the files below a directory, which may be exchanged while it runs. Returns {url, directory, close}.
export async function serve(directory) {
  const served = { directory, asked: [] };
  const server = http.createServer((request, response) => {
    const name = decodeURIComponent(request.url.slice(1));
    served.asked.push(name);
    const file = path.join(served.directory, name);
    if (name.split('/').includes('..') || !fs.existsSync(file) || !fs.statSync(file).isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200).end(fs.readFileSync(file));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  served.url = `http://127.0.0.1:${server.address().port}`;
  served.close = () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); });
  return served;
}

// Runs a program. Returns {status, output}.
export function run(program, ...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (data) => { output += data; });
    child.stderr.on('data', (data) => { output += data; });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output }));
  });
}

// noded's client in a directory of its own: trusts a root, and downloads targets.
export class NodedClient {
  constructor(program, directory, server, root) {
    Object.assign(this, { program, directory, server });
    this.metadata = path.join(directory, 'metadata');
    this.targets = path.join(directory, 'targets');
    for (const each of [this.metadata, this.targets]) fs.mkdirSync(each, { recursive: true });
    this.root = root;
  }
  async init() {
    return run(this.program, '--metadata-dir', this.metadata, 'init', this.root);
  }
  async refresh() {
    return run(this.program, '--metadata-dir', this.metadata, '--metadata-url', `${this.server.url}/metadata`, 'refresh');
  }
  async download(target) {
    return run(this.program, '--metadata-dir', this.metadata, '--metadata-url', `${this.server.url}/metadata`,
      '--target-name', target, '--target-base-url', `${this.server.url}/targets`, '--target-dir', this.targets, 'download');
  }
  downloaded(target) {
    return fs.readFileSync(path.join(this.targets, encodeURIComponent(target)));
  }
}

// A copy of a directory with one file changed. Returns its path.
let copies = 0;
export function copyWith(directory, file, change) {
  const copy = `${directory}.changed.${++copies}`;
  fs.cpSync(directory, copy, { recursive: true });
  const name = path.join(copy, file);
  const data = change(fs.readFileSync(name));
  if (data === null) fs.rmSync(name);
  else fs.writeFileSync(name, data);
  return copy;
}

// A file with its last hexadecimal digit before a quote changed, so that it stays JSON: a signature, hash, keyid or key.
export function flipHex(data, which = 0) {
  const text = data.toString();
  const places = [...text.matchAll(/[0-9a-f]"/g)].map((match) => match.index);
  assert(places.length > 0);
  const at = places[which % places.length];
  const digit = text[at] === '0' ? '1' : '0';
  return Buffer.from(text.slice(0, at) + digit + text.slice(at + 1));
}

export function say(text) {
  console.log(text);
}
