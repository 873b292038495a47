package flow

import (
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/useragent"
	"github.com/doorward/doorward/services/authn/internal/device"
)

// deviceKinds are the kinds of device as the contract names them. What is missing is unspecified.
var deviceKinds = map[string]typev1.DeviceKind{
	string(useragent.Desktop): typev1.DeviceKind_DEVICE_KIND_DESKTOP,
	string(useragent.Phone):   typev1.DeviceKind_DEVICE_KIND_PHONE,
	string(useragent.Tablet):  typev1.DeviceKind_DEVICE_KIND_TABLET,
	string(useragent.Bot):     typev1.DeviceKind_DEVICE_KIND_BOT,
}

// describe reads a User-Agent header for people.
func describe(header string) device.Description {
	parsed := useragent.Parse(header)
	browser := parsed.Browser
	if browser != "" && parsed.BrowserVersion != "" {
		browser += " " + parsed.BrowserVersion
	}
	return device.Description{Browser: browser, System: parsed.System, Kind: string(parsed.Kind)}
}
