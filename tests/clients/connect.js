// Copyright (c) 2026, the pgtls.postgresql authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Connects with node-postgres by each configuration of standard input, as programs.py says.
//
// A configuration that comes again is served by the same pool, which keeps no connection open.
"use strict";
const { readFileSync } = require("fs");
const readline = require("readline");
const { Pool } = require("pg");

const pools = new Map();

async function ask(text, query) {
  if (!pools.has(text)) {
    const configuration = new Function("readFileSync", `return ${text}`)(readFileSync);
    pools.set(text, new Pool(configuration));
  }
  const client = await pools.get(text).connect();
  const answer = await client.query({ text: query, rowMode: "array" });
  client.release(true);
  return answer.rows[0][0];
}

async function main() {
  for await (const text of readline.createInterface({ input: process.stdin })) {
    let outcome;
    try {
      outcome = `connected\t${await ask(text, process.argv[2])}`;
    } catch (error) {
      outcome = `refused\t${String(error.message).replace(/\s+/g, " ")}`;
    }
    console.log(outcome);
  }
}

main();
