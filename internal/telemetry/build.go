package telemetry

import "runtime/debug"

// Build is what the binary was built from, as far as Go knows.
type Build struct {
	// Version is a release, or "(devel)" and the like in a checkout; Revision the commit, where it was built in one.
	Version, Revision string
	// Go is the version of the toolchain.
	Go string
}

// ReadBuild reads it from the binary.
func ReadBuild() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Build{Version: "unknown"}
	}
	b := Build{Version: info.Main.Version, Go: info.GoVersion}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			b.Revision = setting.Value
		}
	}
	return b
}
