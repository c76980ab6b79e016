package check

import (
	"strings"
	"testing"
)

func TestISCSINames(t *testing.T) {
	valid := []string{
		"iqn.2011-03.example.home:web1",
		"iqn.2011-03.example.home:web1.root",
		"iqn.2001-04.com.example:storage:diskarrays-sn-a8675309", // RFC 7143 4.2.7.4
		"iqn.2001-04.com.example",
		"iqn.1992-12.com.3:x",
		"eui.02004567a425678d", // RFC 7143 4.2.7.5
		"eui.02004567A425678D",
		"naa.52004567ba64678d", // RFC 7143 4.2.7.6
		"naa.62004567ba64678d0123456789abcdef",
		"iqn.2011-03.example:" + strings.Repeat("x", 223-20),
	}
	for _, name := range valid {
		if reason := notISCSIName(name); reason != "" {
			t.Errorf("%q is refused: %s", name, reason)
		}
	}
	invalid := map[string]string{
		"":                                       "no iSCSI name",
		"web1":                                   "no iSCSI name",
		"IQN.2011-03.example.home:web1":          "no iSCSI name",
		"iqn.2011-03.example.home:Web1":          "lower case",
		"iqn.2011-03.example.home:web 1":         "contains ' '",
		"iqn.2011-03.example.home:web_1":         "contains '_'",
		"iqn.2011-03.example.home:bücher":        "contains 'ü'",
		"iqn.2011-03.example.home:":              "ends in a colon",
		"iqn.2011-3.example.home:web1":           "month",
		"iqn.2011-00.example.home:web1":          "month",
		"iqn.2011-13.example.home:web1":          "month",
		"iqn.20-1103.example.home:web1":          "month",
		"iqn.2011-03:web1":                       "domain",
		"iqn.2011-03.example..home:web1":         "domain",
		"iqn.2011-03.-example:web1":              "domain",
		"iqn.":                                   "month",
		"iqn":                                    "month",
		"eui.02004567a425678":                    "EUI-64",
		"eui.02004567a425678g":                   "EUI-64",
		"naa.52004567ba64678d0":                  "NAA",
		"iqn.a:" + strings.Repeat("x", 218):      "224 bytes",
		"iqn.2011-03.example.home:a\x00":         "contains",
		"iqn.2011-03.example.home:a\xff":         "contains",
		"iqn.2011-03.example.home:a/b":           "contains '/'",
		"iqn.2011-03.example.home:{name}":        "contains '{'",
		"eui.":                                   "EUI-64",
		"naa.":                                   "NAA",
		"nqn.2014-08.org.nvmexpress:uuid:f81d4f": "no iSCSI name",
	}
	for name, want := range invalid {
		if reason := notISCSIName(name); !strings.Contains(reason, want) {
			t.Errorf("%q: %q, want it to say %q", name, reason, want)
		}
	}
}
