package bus

import (
	"fmt"
	"strings"
)

const confHead = `# NATS for Doorward, as a server of its own. Rendered from the table of grants in internal/bus; a test compares. To change a
# permission, change the table and run: go test ./internal/bus -run TestConf -update
#
# The environment names the certificate (DOORWARD_NATS_CERT, _KEY), where the streams are kept (DOORWARD_NATS_STORE) and the
# public key of each identity (DOORWARD_NKEY_AUTHN and so on: the contents of <name>.pub). The server doesn't start without them.

server_name: doorward
port: 7407
# GET /healthz for health checks, on this machine alone.
http: "127.0.0.1:8222"
max_payload: %d
max_connections: %d

tls {
  cert_file: $DOORWARD_NATS_CERT
  key_file: $DOORWARD_NATS_KEY
}

jetstream {
  store_dir: $DOORWARD_NATS_STORE
  max_file_store: %d
  max_memory_store: %d
  # What is younger can be lost in a power cut; the outbox then publishes it again.
  sync_interval: "%s"
}

# Who may do what. Whatever isn't allowed here is refused.
authorization {
  users: [
`

// RenderConf is the text of deploy/nats.conf.
func RenderConf() string {
	var b strings.Builder
	fmt.Fprintf(&b, confHead, maxPayload, maxConnections, int64(maxFileStore), int64(maxMemStore), DefaultSync)
	for _, name := range Names() {
		p := PermissionsOf(name)
		fmt.Fprintf(&b, "    {\n      # %s\n      nkey: %s\n      permissions {\n        publish {\n", name, "$"+KeyVariable(name))
		subjects(&b, "allow", p.Publish)
		b.WriteString("        }\n        subscribe {\n")
		subjects(&b, "allow", p.Subscribe)
		b.WriteString("        }\n      }\n    }\n")
	}
	b.WriteString("  ]\n}\n")
	return b.String()
}

// RenderConfFor is the same with the identities' public keys in it; the environment names the certificate and the store alone.
func RenderConfFor(identities []Identity) string {
	var b strings.Builder
	b.WriteString("# Who is who in this deployment; made with its nkeys.\n")
	for _, identity := range identities {
		fmt.Fprintf(&b, "%s: %q\n", KeyVariable(identity.Name), identity.Public)
	}
	return b.String() + "\n" + RenderConf()
}

// KeyVariable is the environment variable that holds an identity's public key for deploy/nats.conf.
func KeyVariable(name Name) string { return "DOORWARD_NKEY_" + strings.ToUpper(string(name)) }

func subjects(b *strings.Builder, what string, list []string) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "          %s: [\n", what)
	for _, s := range list {
		fmt.Fprintf(b, "            %q\n", s)
	}
	b.WriteString("          ]\n")
}
