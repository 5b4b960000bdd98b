import Connection from 'kafkajs/src/network/connection.js';

let done = false;

/**
 * Lets a kafkajs connection that is opened again begin to read anew. kafkajs 2.2.4 keeps what it had of a response when
 * the connection broke in the middle of it, and takes the next connection's first bytes for the rest: from then on
 * responses are cut in the wrong places, and sooner or later an exception that nobody can catch ends the process.
 */
export function startConnectionsAnew(): void {
  if (done) return;
  done = true;
  const { connect } = Connection.prototype;
  Connection.prototype.connect = function connectAnew(this: Connection): Promise<boolean> {
    if (!this.isConnected()) {
      // What still comes of the old connection is no part of the new one.
      this.socket?.removeAllListeners('data');
      this.socket?.resume();
      this.chunks = [];
      this.bytesBuffered = 0;
      this.bytesNeeded = SIZE_BYTES;
    }
    return connect.call(this);
  };
}

/** before each response */
const SIZE_BYTES = 4;
