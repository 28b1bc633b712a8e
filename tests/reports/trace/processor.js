// Runs the trace processor of the Perfetto UI, which is WebAssembly, outside of a browser.
//
//   node processor.js FOLDER     FOLDER holds engine_bundle.js and trace_processor*.wasm
//
// stdin: requests of its RPC protocol, each behind its length in four bytes; stdout: the replies as they come.

"use strict";

const fs = require("fs");
const path = require("path");
const vm = require("vm");

const folder = process.argv[2];
const port = { onmessage: null, postMessage: (data) => whole(Buffer.from(data)) };

// What a worker of a browser has and the bundle uses: it loads its module while it starts.
class XMLHttpRequest {
  open(_, address) {
    this.response = fs.readFileSync(path.join(folder, path.basename(address)));
  }
  send() {}
}
const quiet = () => {};
const told = (...words) => fs.writeSync(2, words.join(" ").slice(0, 2000) + "\n");
const worker = {
  location: { href: "http://localhost/engine_bundle.js" },
  WorkerGlobalScope: class {},
  XMLHttpRequest,
  console: { log: quiet, info: quiet, debug: quiet, warn: told, error: told }, // stdout belongs to the replies
};
for (const name of ["URL", "TextDecoder", "TextEncoder", "performance", "crypto", "setTimeout", "clearTimeout"]) {
  worker[name] = globalThis[name];
}
worker.self = worker;
vm.createContext(worker);
const Bytes = vm.runInContext("Uint8Array", worker); // what the bundle takes for one

function whole(data) {
  for (let place = 0; place < data.length; ) place += fs.writeSync(1, data, place);
}

function exactly(count) {
  const found = Buffer.alloc(count);
  for (let place = 0; place < count; ) {
    const got = fs.readSync(0, found, place, count - place, null);
    if (got === 0) process.exit(0);
    place += got;
  }
  return found;
}

function next() {
  const request = exactly(exactly(4).readUInt32LE(0));
  port.onmessage({ data: new Bytes(request) });
  setImmediate(next);
}

process.on("uncaughtException", (error) => {
  told(String(error)); // without the source around it, which is one line of 150 kB
  process.exit(1);
});
vm.runInContext(fs.readFileSync(path.join(folder, "engine_bundle.js"), "utf8"), worker);
worker.onmessage({ data: port });
setImmediate(next);
