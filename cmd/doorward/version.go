package main

import (
	"fmt"
	"runtime/debug"
)

// version is what this binary was built from, as far as Go knows: a release, or the commit of a build in a checkout.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "doorward, of an unknown version"
	}
	text := "doorward " + info.Main.Version
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			text += " " + setting.Value
		}
	}
	return fmt.Sprintf("%s, %s", text, info.GoVersion)
}
