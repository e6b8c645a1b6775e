// A real AT Protocol network for tests: PLC, PDS and AppView of @atproto/dev-env, on free ports of loopback.
// argv: the folder of node_modules. Says on its first line of output where everything is; ends with SIGTERM.
import net from 'node:net'
import { pathToFileURL } from 'node:url'

const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (...given) {
  if (typeof given[0] === 'number' && typeof given[1] !== 'string') given.splice(1, 0, '127.0.0.1')
  else if (given[0] && typeof given[0] === 'object' && 'port' in given[0] && !given[0].host) given[0].host = '127.0.0.1'
  return listen.apply(this, given)
}
const { TestNetwork, mockMailer } = await import(pathToFileURL(`${process.argv[2]}/@atproto/dev-env/dist/index.js`))
const network = await TestNetwork.create({
  pds: { hostname: 'localhost', enableDidDocWithSession: true },
  ozone: { dbMaterializedViewRefreshIntervalMs: 60000 },
})
mockMailer(network.pds)
const where = { plc: network.plc.url, pds: network.pds.url, appview: network.bsky.url }
console.log(`ready ${JSON.stringify(where)}`)
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, async () => {
    await network.close().catch(() => {})
    process.exit(0)
  })
}
