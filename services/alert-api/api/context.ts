import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { Incident } from '../../../alerting/incidents.js';
import type { AddressRange } from '../../../lib/address-guard.js';
import type { Breaker, BreakerState } from '../../../lib/breaker.js';
import type { ClickHouseClient } from '../../../lib/clickhouse.js';
import type { Logger } from '../../../lib/log.js';
import type { WebhookClient } from '../../../lib/webhook-http.js';
import type { ApiKey, Caller, Role } from '../api-keys.js';
import type { Commands } from '../commands.js';
import type { Control } from '../control.js';
import type { Delivery } from '../delivery.js';
import type { SecretBox } from '../secret-box.js';
import type { View } from '../views.js';

/** What the routes work with. */
export interface ApiContext {
  incidents: View<Incident>;
  deliveries: View<Delivery>;
  control: Control;
  commands: Commands;
  /** how many partitions the topics have */
  partitions: number;
  box: SecretBox;
  client: WebhookClient;
  allow: readonly AddressRange[];
  clickhouse: ClickHouseClient;
  clickhouseBreaker: Breaker<unknown>;
  breakerState(endpointId: string): BreakerState;
  bootstrap: ApiKey | undefined;
  /** A key was used just now. */
  used(keyId: string): void;
  /** why this replica doesn't do its work now; empty when it does */
  faults(): string[];
  about(): Record<string, unknown>;
  metrics(): Promise<{ contentType: string; text: string }>;
  now(): number;
  log: Logger;
}

export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | undefined;
  }
  interface FastifyContextConfig {
    /** the least role that may call it; routes without one are open */
    role?: Role;
  }
}
