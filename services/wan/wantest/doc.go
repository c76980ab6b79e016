// Package wantest is the provider at the other end of the way out, for tests of any
// room: others' DHCP servers, and a Server of our own that says whatever a test has it
// say, right or wrong, and keeps book of what it heard.
//
// All serve eth0 of a namespace. What is believed of them is for the tests to judge.
package wantest
