import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const VERSION = 'v1';

/** Seals secrets that have to be read again (webhook signing secrets) for their rest in Kafka: AES-256-GCM. */
export interface SecretBox {
  /** `owner` is bound to the box: a sealed secret moved to another owner doesn't open. */
  seal(secret: Buffer, owner: string): string;
  open(sealed: string, owner: string): Buffer;
}

export class SecretBoxError extends Error {}

/** The first key seals; all of them open, so a key can be changed without losing what the old one sealed. */
export function createSecretBox(keys: readonly Buffer[]): SecretBox {
  const [first] = keys;
  if (!first) throw new SecretBoxError('no secret key was given');
  const byId = new Map(keys.map((key) => [keyId(key), key]));
  return {
    seal(secret, owner) {
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', first, iv).setAAD(Buffer.from(owner));
      const text = Buffer.concat([cipher.update(secret), cipher.final()]);
      return [
        VERSION,
        keyId(first),
        ...[iv, text, cipher.getAuthTag()].map((part) => part.toString('base64url')),
      ].join('.');
    },
    open(sealed, owner) {
      const [version, id = '', iv = '', text = '', tag = ''] = sealed.split('.');
      if (version !== VERSION)
        throw new SecretBoxError(`a sealed secret of ${owner} has the unknown form "${version}"`);
      const key = byId.get(id);
      if (!key) {
        throw new SecretBoxError(
          `the secret of ${owner} was sealed with another key (${id}): add that key to RISKWIRE_SECRET_KEY after the present one, or rotate the secret`,
        );
      }
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64url'), {
          authTagLength: 16,
        }).setAAD(Buffer.from(owner));
        decipher.setAuthTag(Buffer.from(tag, 'base64url'));
        return Buffer.concat([decipher.update(Buffer.from(text, 'base64url')), decipher.final()]);
      } catch (cause) {
        throw new SecretBoxError(
          `the sealed secret of ${owner} was changed since it was written: rotate the secret`,
          { cause },
        );
      }
    },
  };
}

/** Names a key without telling it. */
function keyId(key: Buffer): string {
  return createHash('sha256').update('riskwire secret key').update(key).digest('hex').slice(0, 8);
}
