package option

import (
	"fmt"
	"testing"
)

func TestWithin(t *testing.T) {
	for _, tc := range []struct {
		value, want string
		whole       bool
	}{
		{"\xb0\x01\x01\x08\x02ab", `176="\x01" 8="ab" `, true},
		{"\x00\x00\xb0\x01\x01\xff\x08\x00\xff", `176="\x01" 8="" `, true},
		{"\xb0\x01\x01\x08", `176="\x01" `, false},
		{"\xb0\x01\x01\x08\x03ab", `176="\x01" `, false},
		{"", "", false},
		{"\x00\xff", "", false},
	} {
		got := ""
		for sub := range Within([]byte(tc.value)) {
			got += fmt.Sprintf("%d=%q ", sub.Code, sub.Data)
		}
		if got != tc.want || IsWithin([]byte(tc.value)) != tc.whole {
			t.Errorf("%x: %s, %t, want %s, %t", tc.value, got, IsWithin([]byte(tc.value)), tc.want, tc.whole)
		}
	}
	for sub := range Within([]byte("\x01\x00\x02\x00")) {
		if sub.Code != 1 {
			t.Error("it goes on after its end")
		}
		break
	}
}
