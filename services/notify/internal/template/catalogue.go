package template

import (
	"embed"
	"fmt"
	htmltemplate "html/template"
	"strings"
	texttemplate "text/template"
)

//go:embed en
var files embed.FS

// fallback is the language of those whose own isn't there.
const fallback = "en"

// Mail is a finished mail, without addresses.
type Mail struct {
	Subject string
	Text    string
	HTML    string
}

// Catalogue holds the mails of every language. It is safe for concurrent use.
type Catalogue struct {
	languages map[string]language
}

// language is one folder of files and the subjects that go with it.
type language struct {
	subjects map[string]string
	text     *texttemplate.Template
	html     *htmltemplate.Template
}

// New parses the embedded files.
func New() (*Catalogue, error) {
	english, err := parseLanguage("en", map[string]string{
		"code":          "Your confirmation code",
		"new_device":    "New sign-in to your account",
		"contained":     "We ended the sign-in that was reported",
		"abandoned":     "Somebody entered your password",
		"sign_up_taken": "Somebody tried to sign up with your address",
		"invitation":    "You are invited",
	})
	if err != nil {
		return nil, err
	}
	return &Catalogue{languages: map[string]language{fallback: english}}, nil
}

func parseLanguage(folder string, subjects map[string]string) (language, error) {
	text, err := texttemplate.New(folder).Option("missingkey=error").Funcs(words).ParseFS(files, folder+"/*.txt")
	if err != nil {
		return language{}, fmt.Errorf("template: parse the texts of %s: %w", folder, err)
	}
	html, err := htmltemplate.New(folder).Option("missingkey=error").Funcs(words).ParseFS(files, folder+"/*.html")
	if err != nil {
		return language{}, fmt.Errorf("template: parse the HTML of %s: %w", folder, err)
	}
	return language{subjects: subjects, text: text, html: html}, nil
}

// Code writes the mail with a code in the language of the tag (BCP 47).
func (c *Catalogue) Code(tag string, in Code) (Mail, error) {
	if err := in.validate(); err != nil {
		return Mail{}, err
	}
	return c.render(tag, "code", in)
}

// NewDevice writes the alert of a sign-in on a new device.
func (c *Catalogue) NewDevice(tag string, in NewDevice) (Mail, error) {
	if err := in.validate(); err != nil {
		return Mail{}, err
	}
	return c.render(tag, "new_device", in)
}

// Contained writes the confirmation of a containment.
func (c *Catalogue) Contained(tag string, in Contained) (Mail, error) {
	if err := in.validate(); err != nil {
		return Mail{}, err
	}
	return c.render(tag, "contained", in)
}

// Abandoned writes the alert of a right password that no sign-in came of.
func (c *Catalogue) Abandoned(tag string, in Abandoned) (Mail, error) {
	if err := in.validate(); err != nil {
		return Mail{}, err
	}
	return c.render(tag, "abandoned", in)
}

// SignUpTaken writes the word to an owner that somebody tried to sign up with their address.
func (c *Catalogue) SignUpTaken(tag string, in SignUpTaken) (Mail, error) {
	if err := in.validate(); err != nil {
		return Mail{}, err
	}
	return c.render(tag, "sign_up_taken", in)
}

// Invitation writes the mail that invites somebody to sign up.
func (c *Catalogue) Invitation(tag string, in Invitation) (Mail, error) {
	if err := in.validate(); err != nil {
		return Mail{}, err
	}
	return c.render(tag, "invitation", in)
}

func (c *Catalogue) render(tag, name string, in any) (Mail, error) {
	language := c.lookup(tag)
	var text, html strings.Builder
	if err := language.text.ExecuteTemplate(&text, name+".txt", in); err != nil {
		return Mail{}, fmt.Errorf("template: write %s as text: %w", name, err)
	}
	if err := language.html.ExecuteTemplate(&html, name+".html", in); err != nil {
		return Mail{}, fmt.Errorf("template: write %s as HTML: %w", name, err)
	}
	return Mail{Subject: language.subjects[name], Text: tidy(text.String()), HTML: tidy(html.String())}, nil
}

// tidy drops the blank lines that the pieces of a template leave at its ends.
func tidy(body string) string { return strings.TrimSpace(body) + "\n" }

// lookup tries the tag, then its primary language ("pt-BR", "pt"), then the fallback.
func (c *Catalogue) lookup(tag string) language {
	tag = strings.ToLower(tag)
	if exact, ok := c.languages[tag]; ok {
		return exact
	}
	primary, _, _ := strings.Cut(tag, "-")
	if found, ok := c.languages[primary]; ok {
		return found
	}
	return c.languages[fallback]
}
