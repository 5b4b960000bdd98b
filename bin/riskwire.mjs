#!/usr/bin/env node
import { ensure } from '../scripts/ensure.mjs';

ensure();
const { main } = await import('../dist/services/cli/main.js');
await main(process.argv);
