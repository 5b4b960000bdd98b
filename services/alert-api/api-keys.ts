import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import Type, { type Static } from 'typebox';

export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** An API key as it is kept. The key itself is shown once and never stored. */
export const ApiKey = Type.Object({
  id: Type.String(),
  name: Type.String(),
  role: Type.Enum([...ROLES]),
  hash: Type.String(),
  createdAt: Type.Number(),
  createdBy: Type.String(),
  /** what it may see and change; none: all */
  domains: Type.Optional(Type.Array(Type.String())),
});
export type ApiKey = Static<typeof ApiKey>;

/** Who asks. */
export interface Caller {
  keyId: string;
  name: string;
  role: Role;
  /** empty for all */
  domains: readonly string[];
}

const FORM = /^rw_([A-Za-z0-9]{1,32})_([A-Za-z0-9_-]{22,128})$/;

export function mayAct(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** `rw_<id>_<secret>` -> its parts; undefined when the text isn't a key. */
export function parseKey(text: string): { id: string; secret: string } | undefined {
  const match = FORM.exec(text);
  return match?.[1] && match[2] ? { id: match[1], secret: match[2] } : undefined;
}

/**
 * A plain SHA-256 is enough here: the secret is 32 random bytes, so there is nothing to guess, and a slow hash on
 * every request would be a way to keep the service busy.
 */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

export function newApiKey(
  name: string,
  role: Role,
  createdBy: string,
  now: number,
  domains: readonly string[] = [],
): { key: string; record: ApiKey } {
  const id = randomBytes(6).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  return {
    key: `rw_${id}_${secret}`,
    record: { id, name, role, hash: hashSecret(secret), createdAt: now, createdBy, domains: [...domains] },
  };
}

/** A key given by the environment: an admin as long as it stays there, and never written anywhere. */
export function bootstrapKey(text: string, now: number): ApiKey | undefined {
  const parts = parseKey(text);
  return (
    parts && {
      id: parts.id,
      name: 'bootstrap',
      role: 'admin',
      hash: hashSecret(parts.secret),
      createdAt: now,
      createdBy: 'environment',
    }
  );
}

/** Who the key in an Authorization header belongs to; undefined when nobody's. */
export function authenticate(
  header: string | undefined,
  find: (id: string) => ApiKey | undefined,
): Caller | undefined {
  const [scheme, token] = (header ?? '').split(' ');
  if (scheme?.toLowerCase() !== 'bearer' || !token) return undefined;
  const parts = parseKey(token);
  const record = parts && find(parts.id);
  if (!record) return undefined;
  const given = Buffer.from(hashSecret(parts.secret), 'hex');
  const kept = Buffer.from(record.hash, 'hex');
  return given.length === kept.length && timingSafeEqual(given, kept)
    ? { keyId: record.id, name: record.name, role: record.role, domains: record.domains ?? [] }
    : undefined;
}
