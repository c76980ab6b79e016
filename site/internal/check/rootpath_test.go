package check

import (
	"strings"
	"testing"
)

func TestRootPath(t *testing.T) {
	const iqn = "iqn.2011-03.example.home:web1.root"
	valid := []string{
		"iscsi:192.168.32.10::::" + iqn,
		"iscsi:192.168.32.10:::1:" + iqn,
		"iscsi:192.168.32.10:6:3260:9:" + iqn,
		"iscsi:[2001:db8::10]:6:65535:0:" + iqn,
	}
	for _, path := range valid {
		if target, reason := readRootPath(path); target != iqn || reason != "" {
			t.Errorf("%q: target %q, %s", path, target, reason)
		}
	}
	invalid := map[string]string{
		"":                              "is no iSCSI root path",
		"nfs:192.168.32.10:/srv":        "is no iSCSI root path",
		"ISCSI:192.168.32.10::::" + iqn: "is no iSCSI root path",
		"iscsi:":                        "lacks a part",
		"iscsi:192.168.32.10":           "lacks a part",
		"iscsi:192.168.32.10:::" + iqn:  `has the LUN "iqn.2011-03.example.home"`,
		"iscsi:[2001:db8::10":           "lacks a part",
		"iscsi:::::" + iqn:              `has the server ""`,
		"iscsi:store::::" + iqn:         `has the server "store"`,
		"iscsi:user:pass@192.168.32.10::::" + iqn:                             `has the server "user"`,
		"iscsi:[192.168.32.10]::::" + iqn:                                     "has the server",
		"iscsi:[fe80::1%eth0]::::" + iqn:                                      "has the server",
		"iscsi:192.168.32.10:TCP::1:" + iqn:                                   `has the protocol "TCP"`,
		"iscsi:192.168.32.10:17::1:" + iqn:                                    `has the protocol "17"`,
		"iscsi:192.168.32.10::0:1:" + iqn:                                     `has the port "0"`,
		"iscsi:192.168.32.10::-1:1:" + iqn:                                    `has the port "-1"`,
		"iscsi:192.168.32.10::70000:1:" + iqn:                                 `has the port "70000"`,
		"iscsi:192.168.32.10:::10:" + iqn:                                     `has the LUN "10"`,
		"iscsi:192.168.32.10:::a:" + iqn:                                      `has the LUN "a"`,
		"iscsi:192.168.32.10:::0-1-0-0:" + iqn:                                `has the LUN "0-1-0-0"`,
		"iscsi:192.168.32.10:::1:":                                            `has the target "", which`,
		"iscsi:192.168.32.10:::1:web1":                                        `has the target "web1", which`,
		"iscsi:1:::1:" + strings.Repeat("x", 255-11):                          "has 256 bytes",
		"iscsi:192.0.2.1:::1:iqn.2011-03.example:" + strings.Repeat("x", 204): "which has 224 bytes",
	}
	for path, want := range invalid {
		if target, reason := readRootPath(path); target != "" || !strings.Contains(reason, want) {
			t.Errorf("%q: target %q, %q, want it to say %q", path, target, reason, want)
		}
	}
}
