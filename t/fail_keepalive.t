#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards upstreams that close a connection after an answer without having said
# so, while nginx keeps it.  If the next call, which may go at once, found it
# dead, nginx would take the server for failed, and after a second try at once
# the other one, too: no client would be served for a while.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

use Test::LLMBatch::Fail;

my $t = Test::LLMBatch->new('connections that are closed')->has('llm_batch');
my $mock = $t->backend();
my @silent = map { $t->backend($_, script => { silent => 1 }) } 8082, 8083;
my ($bursts, $clients) = (36, 12);

my $servers = sub ($name, $max_fails = '') { <<EOF };
    upstream $name {
        ip_hash;
        server %%ADDR%%:8082 $max_fails;
        server %%ADDR%%:8083 $max_fails;
        keepalive 3;
    }
EOF

fail_conf($t, '', http => join('', map { $servers->($_) } qw/ plain asked /)
	. $servers->('kept', 'max_fails=0'), server => <<'EOF');
location /plain/ {
    proxy_pass http://plain;
    proxy_http_version 1.0;
    proxy_set_header Host plain;
}
location /asked/ {
    llm_batch zone=llm;
    proxy_pass http://asked;
    proxy_http_version 1.0;
    proxy_set_header Host asked;
}
location /kept/ {
    llm_batch zone=llm;
    llm_batch_window fixed;
    llm_batch_max_wait 50ms;
    llm_batch_breaker failures=100;
    llm_batch_fallback_limit 100%;
    proxy_pass http://kept;
}
EOF
$t->run();

# who got no answer

sub errors($where) {
	my @r;

	for my $n (1 .. $bursts) {
		push @r, $t->burst($clients, "/$where/v1/embeddings",
			sub ($i) { { model => 'm', input => "text $n $i" } });
	}

	my @wrong = grep { ($_->{status} // 0) != 200 } @r;

	is_own_answer([ grep { ($_->{status} // 0) == 200 } @r ],
		"$where: the others are right") if @wrong < @r;

	# without a window, how many are is up to the machine

	cmp_ok((grep { ($_->{headers}{'x-status'} // '') eq 'MERGED' } @r), '>',
		$where eq 'kept' ? @r / 2 : 2 * $clients, "$where: merged")
		if $where ne 'plain';

	note("$where: ", scalar @wrong, ' errors');

	return @wrong;
}

# where nginx asks for it, which it does by default, and keeps the connection
# nevertheless

my $plain = () = errors('plain');
my @asked = errors('asked');

is(@asked, 0, "asked to close: no errors, where plain nginx has $plain");
is((() = $t->read_file('error.log') =~ /\[error\].*upstream: \S+\/asked/g), 0,
	'asked to close: no call that fails');

# where it does not, calls may fail, but not twice

is((grep { ($_->{headers}{'x-status'} // '') !~ /^(?:SINGLE)?$/ }
	errors('kept')), 0, 'not asked to: no errors of calls of several');

# the second try comes a little later

my @texts = map { "text $_" } 1 .. 8;

for my $how ({ fault => 'reset' }, { status => 503 }) {
	my ($what) = values %$how;

	warm_up($t, $mock);

	my @r = failing($t, $mock, $how, \@texts, first => 1);
	my @calls = $mock->calls();

	is_own_answer(\@r, "$what: tried again");
	is(sizes($mock), '1 8 8', "$what: calls");

	# the clock of nginx goes in steps, and the mock's is another

	cmp_ok($calls[2]{time} - $calls[1]{time}, '>', 0.045,
		"$what: a little later");
}

$t->done();
