package useragent

import lib "github.com/mileusna/useragent"

// browsers maps the library's names to ours. The library answers an unknown
// header with a piece of that header, so a name that isn't here isn't passed on.
var browsers = map[string]string{
	lib.Chrome:           "Chrome",
	lib.Edge:             "Edge",
	lib.Firefox:          "Firefox",
	lib.InternetExplorer: "Internet Explorer",
	lib.MobileSafari:     "Safari",
	lib.Opera:            "Opera",
	lib.OperaMini:        "Opera Mini",
	lib.OperaTouch:       "Opera Touch",
	lib.Safari:           "Safari",
	lib.SamsungBrowser:   "Samsung Internet",
	lib.Vivaldi:          "Vivaldi",
	"Android browser":    "Android Browser",
	"Huawei Browser":     "Huawei Browser",
	"Miui Browser":       "Mi Browser",

	// Browsers inside apps.
	lib.FacebookApp:  "Facebook app",
	lib.InstagramApp: "Instagram app",
	lib.TiktokApp:    "TikTok app",

	// Programs. An owner who never wrote one should see that it was a program.
	lib.HeadlessChrome: "Headless Chrome",
	"curl":             "curl",
	"Wget":             "Wget",
	"Go-http-client":   "a Go program",
	"grpc-go":          "a Go program",
	"python-requests":  "a Python program",
	"okhttp":           "an Android or Java program",

	// Crawlers, which have no business signing in.
	lib.Applebot:            "Applebot",
	lib.Bingbot:             "Bingbot",
	lib.FacebookExternalHit: "Facebook crawler",
	lib.Googlebot:           "Googlebot",
	lib.GoogleAdsBot:        "Google Ads Bot",
	lib.Twitterbot:          "Twitterbot",
	lib.YandexBot:           "YandexBot",
}

// systems maps the library's names to ours, for the same reason.
var systems = map[string]string{
	lib.Android:      "Android",
	lib.BlackBerry:   "BlackBerry",
	lib.ChromeOS:     "ChromeOS",
	lib.FreeBSD:      "FreeBSD",
	lib.Harmony:      "HarmonyOS",
	lib.IOS:          "iOS",
	lib.Linux:        "Linux",
	lib.MacOS:        "macOS",
	lib.Windows:      "Windows",
	lib.WindowsPhone: "Windows Phone",
}
