import { openScreen } from './screen.js';
import type { Addresses, Language, Snapshot } from './snapshot.js';
import { addressLines, coloured, plain, renderLine, renderTable } from './table.js';
import { wordsOf } from './words.js';

/** What a person sees of the demo: a table that is redrawn on a terminal, a line every few seconds elsewhere. */
export interface View {
  say(line: string): void;
  ready(addresses: Addresses): void;
  show(now: Snapshot): void;
  end(): void;
}

const LINE_MS = 5000;

export function openView(language: Language, live: boolean): View {
  return live ? liveView(language) : lineView(language);
}

function liveView(language: Language): View {
  const words = wordsOf(language);
  const out = process.stdout;
  let addresses: Addresses | undefined;
  let screen: ReturnType<typeof openScreen> | undefined;
  return {
    say: (line) => {
      if (!screen) out.write(`${line}\n`);
    },
    ready(known) {
      addresses = known;
    },
    show(now) {
      if (!addresses) return;
      screen ??= openScreen(out);
      screen.draw(renderTable(now, addresses, words, screen.width, coloured));
    },
    end: () => screen?.end(),
  };
}

/** To stderr, so that stdout holds nothing but the result. */
function lineView(language: Language): View {
  const words = wordsOf(language);
  const write = (line: string) => process.stderr.write(`${line}\n`);
  let written = Number.NEGATIVE_INFINITY;
  return {
    say: write,
    ready: (addresses) => {
      for (const line of addressLines(addresses, words, plain)) write(line);
    },
    show(now) {
      if (performance.now() - written < LINE_MS) return;
      written = performance.now();
      write(renderLine(now, words));
    },
    end: () => {},
  };
}
