import sshpk from 'sshpk';

/** An ed25519 pair in the forms OpenSSH reads: the private half for the vault, the public half for the git host. */
export interface DeployKey {
  privateKey: string;
  publicKey: string;
}

/** @param comment tells the key apart in the git host's list */
export function generateDeployKey(comment: string): DeployKey {
  const key = sshpk.generatePrivateKey('ed25519');
  const publicKey = key.toPublic();
  publicKey.comment = comment;
  return { privateKey: key.toString('ssh'), publicKey: publicKey.toString('ssh') };
}
