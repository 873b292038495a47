package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/knadh/koanf/parsers/yaml"
)

// TestComposeFitsThisBinary holds compose.yaml, as it is with nothing set, against the command line and the configuration that it was written for.
func TestComposeFitsThisBinary(t *testing.T) {
	for name, container := range composeFile(t) {
		t.Run(name, func(t *testing.T) {
			if container["image"] == "doorward" {
				parses(t, words(container["command"]))
			}
			if check, ok := container["healthcheck"].(map[string]any); ok && slices.Contains(words(check["test"]), "doorward") {
				parses(t, words(check["test"])[2:]) // after CMD doorward
			}
			if slices.Contains([]string{"authn", "risk", "notify", "portal"}, name) {
				configures(t, name, container["environment"].(map[string]any))
			}
		})
	}
}

func TestComposeGivesNoContainerMoreThanItNeeds(t *testing.T) {
	for name, container := range composeFile(t) {
		for key, want := range map[string]string{
			"read_only": "true", "cap_drop": "[ALL]", "security_opt": "[no-new-privileges:true]", "privileged": "<nil>",
		} {
			if got := fmt.Sprint(container[key]); got != want {
				t.Errorf("%s: %s is %s, want %s", name, key, got, want)
			}
		}
		for _, key := range []string{"mem_limit", "cpus", "pids_limit"} {
			if container[key] == nil {
				t.Errorf("%s has no %s", name, key)
			}
		}
		for _, port := range words(container["ports"]) {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s publishes %s beyond this machine", name, port)
			}
		}
		for _, volume := range words(container["volumes"]) {
			if strings.HasPrefix(volume, "init:") && name != "init" {
				t.Errorf("%s sees the key of the CA", name)
			}
		}
	}
}

// TestComposeHasAPlaceForEachShare: a folder that init lays and that is no volume would be lost, and one that the image doesn't have would be root's.
func TestComposeHasAPlaceForEachShare(t *testing.T) {
	dir := t.TempDir()
	command(t, "init", "--dir", filepath.Join(dir, "origin"), "--share", filepath.Join(dir, "share"), "--issuer", "https://id.example.com", "--audience", "shop")
	shares, err := os.ReadDir(filepath.Join(dir, "share"))
	must(t, err)
	image, err := os.ReadFile("../../deploy/Dockerfile")
	must(t, err)
	volumes := words(composeFile(t)["init"]["volumes"])
	for _, share := range shares {
		name := share.Name()
		if !slices.Contains(volumes, name+":/doorward/share/"+name) {
			t.Errorf("compose.yaml gives init no volume for %s", name)
		}
		if !strings.Contains(string(image), "/out/layout/share/"+name) {
			t.Errorf("the image has no directory for %s", name)
		}
	}
	if len(volumes) != len(shares)+1 {
		t.Errorf("init has the volumes %v, and lays the folders %v", volumes, shares)
	}
}

// composeFile reads the containers of compose.yaml, with the default of every variable.
func composeFile(t *testing.T) map[string]map[string]any {
	t.Helper()
	text, err := os.ReadFile("../../compose.yaml")
	must(t, err)
	text = regexp.MustCompile(`\$\{[A-Z_]+:-([^}]*)\}`).ReplaceAll(text, []byte("$1"))
	if rest := regexp.MustCompile(`\$\{[^}]*\}`).Find(text); rest != nil {
		t.Fatalf("%s has no default", rest)
	}
	file, err := yaml.Parser().Unmarshal(text)
	must(t, err)
	containers := map[string]map[string]any{}
	for name, container := range file["services"].(map[string]any) {
		containers[name] = container.(map[string]any)
	}
	if len(containers) == 0 {
		t.Fatal("compose.yaml has no services")
	}
	return containers
}

// words are a list's elements; nothing is an empty list.
func words(list any) []string {
	var out []string
	elements, _ := list.([]any)
	for _, element := range elements {
		out = append(out, fmt.Sprint(element))
	}
	return out
}

// parses demands that the command line is understood. It isn't run.
func parses(t *testing.T, args []string) {
	t.Helper()
	parser, err := kong.New(&cli{}, kong.Vars{"version": "test"})
	must(t, err)
	if _, err := parser.Parse(args); err != nil {
		t.Errorf("doorward %s: %v", strings.Join(args, " "), err)
	}
}

// configures demands that a service would start with what is in its environment.
func configures(t *testing.T, service string, variables map[string]any) {
	t.Helper()
	var out bytes.Buffer
	s := streams{out: &out, err: &out}
	for name, value := range variables {
		s.env = append(s.env, fmt.Sprintf("%s=%v", name, value))
	}
	if code := run(t.Context(), []string{"config", service}, s); code != exitOK {
		t.Errorf("%s can't start: %s", service, out.String())
	}
	if got := strings.Count(out.String(), "(env DOORWARD_"); got != len(variables) {
		t.Errorf("%d of %d variables configure something:\n%s", got, len(variables), out.String())
	}
}
