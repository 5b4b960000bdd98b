export function readZip(path: string): { name: string; read(): Buffer }[];
