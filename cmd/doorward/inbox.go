package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/doorward/doorward/internal/inbox"
)

type inboxCmd struct {
	SMTP        string `name:"smtp" default:"127.0.0.1:7405" help:"host:port for mails."`
	Web         string `default:"127.0.0.1:7406" help:"host:port for the page and its JSON."`
	AllowRemote bool   `help:"Listen beyond this machine, as in a container. Whoever reaches the page reads every mail."`
}

func (inboxCmd) Help() string {
	return `Takes every mail for everybody, keeps the last 500 in memory and delivers none. For development alone. Example:

  doorward inbox --smtp 127.0.0.1:2525`
}

func (c *inboxCmd) Run(ctx context.Context, s streams) error {
	logger, err := s.logger(slog.LevelInfo)
	if err != nil {
		return err
	}
	box, err := inbox.New(inbox.Config{
		SMTPAddress: c.SMTP, WebAddress: c.Web, AllowRemote: c.AllowRemote, Logger: logger, Now: time.Now,
	})
	if err != nil {
		return tellPort(err, "--smtp or --web")
	}
	fmt.Fprintf(s.out, "inbox: http://%s, SMTP on %s\n", box.WebAddr(), box.SMTPAddr())
	return box.Run(ctx)
}
