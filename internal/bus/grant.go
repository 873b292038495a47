package bus

import (
	"slices"
)

// Name is an identity on the bus: a service, the SDKs together, the applications that subscribe to events, or the operator.
type Name string

// The identities.
const (
	Authn    Name = "authn"
	Risk     Name = "risk"
	Notify   Name = "notify"
	SDK      Name = "sdk"
	Operator Name = "operator"
	// Subscriber is for applications that want to hear what happened. It reads the facts, and neither attempts nor mails nor commands.
	Subscriber Name = "subscriber"
)

// Names returns every identity.
func Names() []Name { return []Name{Authn, Risk, Notify, SDK, Operator, Subscriber} }

// Grant says what one identity may do. Everything that isn't in it is refused by the server. What it may publish follows from the
// writers in Streams; here is what it may read.
type Grant struct {
	Name Name
	// Consumes are the streams it reads with a durable, whose name is known to it alone.
	Consumes []string
	// Follows are the streams it reads with consumers of its own that end with it.
	Follows []string
	// Buries says that it consumes, and so may write and read dead letters of its own branch.
	Buries bool
	// Administers says that it applies streams, and lists and drops every dead letter.
	Administers bool
}

// Grants returns the table.
func Grants() []Grant {
	return []Grant{
		{Name: Authn, Consumes: []string{StreamCommands}, Buries: true},
		{Name: Risk, Follows: []string{StreamAuthn, StreamAttempts}, Buries: true},
		{Name: Notify, Consumes: []string{StreamAuthn, StreamMail}, Buries: true},
		{Name: SDK, Follows: []string{StreamRevocations}},
		{Name: Operator, Administers: true},
		{Name: Subscriber, Follows: []string{StreamAuthn, StreamRisk, StreamNotify}},
	}
}

func grants(name Name) Grant {
	for _, g := range Grants() {
		if g.Name == name {
			return g
		}
	}
	return Grant{Name: name}
}

// Permissions are subjects as the server enforces them. What isn't allowed is refused.
type Permissions struct {
	Publish   []string
	Subscribe []string
}

// InboxPrefix is where the answers to an identity's requests go; nobody else may listen there.
func InboxPrefix(name Name) string { return "_INBOX_" + string(name) }

// PermissionsOf spells a grant out in subjects.
func PermissionsOf(name Name) Permissions {
	g := grants(name)
	p := Permissions{Subscribe: []string{InboxPrefix(name) + ".>"}}
	for _, s := range Streams() {
		if s.Writer == name {
			p.Publish = append(p.Publish, s.Subjects)
		}
	}
	for _, stream := range g.streams() {
		p.Publish = append(p.Publish, "$JS.API.STREAM.INFO."+stream)
	}
	for _, stream := range g.Consumes {
		p.consume(stream)
	}
	for _, stream := range g.Follows {
		p.follow(stream)
	}
	if g.Buries {
		p.bury("doorward.dead." + string(name) + ".>")
	}
	if g.Administers {
		p.administer()
	}
	slices.Sort(p.Publish)
	return p
}

// streams are those the identity has to do with.
func (g Grant) streams() []string {
	out := StreamsWrittenBy(g.Name)
	out = append(out, g.Consumes...)
	out = append(out, g.Follows...)
	if g.Buries {
		out = append(out, StreamDead)
	}
	if g.Administers {
		for _, s := range Streams() {
			out = append(out, s.Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// consume allows durables on a stream, and to acknowledge what they deliver.
//
// Consumers are kept apart by their names, which nobody guesses (Identity.durable, and a random one for each reader that follows): permissions
// can't do it, for they don't see to which subject a consumer delivers. Nobody but the operator may list consumers.
func (p *Permissions) consume(stream string) {
	p.Publish = append(p.Publish,
		"$JS.API.CONSUMER.CREATE."+stream+".*",
		"$JS.API.CONSUMER.CREATE."+stream+".*.>", // with a filter
		"$JS.API.CONSUMER.INFO."+stream+".*",
		"$JS.API.CONSUMER.MSG.NEXT."+stream+".*",
		"$JS.ACK."+stream+".>",
	)
}

// follow allows consumers that end with their reader. What they deliver isn't acknowledged.
func (p *Permissions) follow(stream string) {
	p.Publish = append(p.Publish,
		"$JS.API.CONSUMER.CREATE."+stream+".>",
		"$JS.API.CONSUMER.INFO."+stream+".*",
		"$JS.API.CONSUMER.MSG.NEXT."+stream+".*",
		"$JS.API.CONSUMER.DELETE."+stream+".*",
	)
}

// bury allows dead letters of one branch: to write them, and to read them by a consumer that filters on it.
func (p *Permissions) bury(branch string) {
	p.Publish = append(p.Publish,
		branch,
		"$JS.API.CONSUMER.CREATE."+StreamDead+".*."+branch,
		"$JS.API.CONSUMER.MSG.NEXT."+StreamDead+".*",
		"$JS.API.CONSUMER.DELETE."+StreamDead+".*",
	)
}

// administer allows to declare streams, and to find and remove foreign consumers of those that applications follow; not to read them: only dead
// letters are the operator's to see.
func (p *Permissions) administer() {
	for _, s := range Streams() {
		p.Publish = append(p.Publish, "$JS.API.STREAM.CREATE."+s.Name, "$JS.API.STREAM.UPDATE."+s.Name)
		if s.Readers > 0 {
			p.Publish = append(p.Publish, "$JS.API.CONSUMER.LIST."+s.Name, "$JS.API.CONSUMER.DELETE."+s.Name+".*")
		}
	}
	p.bury("doorward.dead.>")
}
