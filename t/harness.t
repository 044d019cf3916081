#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the harness itself, with an nginx without the module: a mock that
# answers everybody the same, a fault that does not happen, or an end check
# that cannot fail, would make every other test worthless.

use v5.36;

use Test::More;

use FindBin;
use IO::Uncompress::Gunzip qw/ gunzip /;
use MIME::Base64 qw/ decode_base64 /;

BEGIN {
	delete $ENV{TEST_NGINX_MODULE};

	# as if linked in, see metrics_of()

	$ENV{TEST_NGINX_MODULE} = ''
		if ($ENV{LLMB_PLANT} // '') =~ /^metrics/;

	unshift @INC, "$FindBin::Bin/lib";
}

use Test::LLMBatch;
use Test::LLMBatch::JSON;

my $t = Test::LLMBatch->new('the harness',
	($ENV{LLMB_PLANT} // '') eq 'listen' ? (but => { ipv6 => 'a test' }) : ());

# started again by itself, with a planted error, see below

exit planted($ENV{LLMB_PLANT}) if $ENV{LLMB_PLANT};

$t->conf(<<'EOF', workers => 2);
location / { proxy_pass http://backend; proxy_ignore_client_abort on; }
location /buffered/ {
    client_body_in_file_only clean;
    proxy_pass http://backend/;
}
EOF

my $mock = $t->backend();
$t->run();

my %uri = (openai => '/v1/embeddings', ollama => '/api/embed', tei => '/embed');
my $body = { model => 'm', input => [ 'a', "b\x{17e}" ] };

# formats

my $r = $t->request({ uri => $uri{openai}, body => $body });
is($r->{json}{data}[1]{index}, 1, 'openai index');
is(@{$r->{json}{data}[1]{embedding}}, 8, 'openai embedding');
is($r->{json}{usage}{total_tokens}, 2, 'openai usage');
is_own_answer($r, 'openai own answer');
isnt(own_answer_problem($r, { model => 'm', input => [ 'a', 'c' ] }), '',
	'the answer of another text is not own');
isnt(own_answer_problem($r, { model => 'n', input => $body->{input} }), '',
	'the answer of another model is not own');
isnt(own_answer_problem($r, { model => 'm', input => 'a' }), '',
	'an answer with one item more is not own');

(my $broken = $r->{body}) =~ s/"index":1/"index":7/;
isnt(own_answer_problem({ %$r, body => $broken }), '',
	'an answer with a foreign index is not own');
($broken = $r->{body}) =~ s/0([\],])/$1/;
isnt(own_answer_problem({ %$r, body => $broken }), '',
	'an answer with a reprinted number is not own');
($broken = $r->{body}) =~ s/_tokens":2/_tokens":0/g;
like(own_answer_problem({ %$r, body => $broken }), qr/no token/,
	'an answer that counts no tokens is not own');

my $base64 = $t->request({ uri => $uri{openai},
	body => { %$body, encoding_format => 'base64', dimensions => 12 } });
is_own_answer($base64, 'base64 own answer');
my @float = unpack 'f<*', decode_base64($base64->{json}{data}[0]{embedding});
is(@float, 12, 'dimensions');
is_deeply([ @float[0 .. 7] ], $r->{json}{data}[0]{embedding},
	'base64 has the values of the floats');

$r = $t->request({ uri => $uri{openai},
	body => { model => 'm', input => [ 1, 2, 3 ] } });
is(@{$r->{json}{data}}, 1, 'an array of tokens is one item');
is($r->{json}{usage}{prompt_tokens}, 3, 'its tokens are counted');
is_own_answer($r, 'tokens own answer');

$r = $t->request({ uri => $uri{openai},
	body => { model => 'm', input => [ [ 1 ], [ 2, 3 ] ] } });
is(@{$r->{json}{data}}, 2, 'arrays of tokens');

$r = $t->request({ uri => $uri{ollama}, body => $body });
is(@{$r->{json}{embeddings}}, 2, 'ollama embeddings');
is_own_answer($r, 'ollama own answer');
is(usage_sum($r, $r), 4, 'sum of usage');

$r = $t->request({ uri => $uri{tei}, body => { inputs => 'a' } });
is(@{$r->{json}}, 1, 'tei embeddings');
is_own_answer($r, 'tei own answer');

# the calls it tells of

$mock->reset();
$t->request({ uri => "$uri{openai}?x=1", body => $body,
	headers => [ 'X-A' => 1, 'X-A' => 2 ] });
my ($call) = $mock->calls();
is($call->{items}, 2, 'items of a call');
is($call->{uri}, "$uri{openai}?x=1", 'uri of a call');
is($call->{headers}{'x-a'}, '1, 2', 'headers of a call');
is_deeply(decode_json($call->{body}), $body, 'body of a call');

# what clients can do

my @r = $t->burst(20, $uri{openai}, sub ($i) {
	{ model => 'm', input => "text $i" }
});
is_own_answer(\@r, 'a burst');
is_batched([ $mock->calls() ], into => 21, name => 'calls are counted');

for my $how ({ version => '1.0' }, { chunked => 1 }, { expect => 1 },
	{ slow => 1 }, { half_close => 1 })
{
	$r = $t->request({ uri => $uri{openai}, body => $body, %$how });
	is_own_answer($r, "client: @{[ %$how ]}");
	ok($r->{continued}, '100 came') if $how->{expect};
}

is_own_answer($t->request({ uri => "/buffered$uri{openai}", body => $body }),
	'body in a file');

my $conn = $t->client()->connect();
my @pids = map {
	$t->request({ uri => '/pid', conn => $conn })->{body}
} 1 .. 2;
is($pids[0], $pids[1], 'a connection is used again');

$mock->next({ hold => 1 });
$r = $t->request({ uri => $uri{openai}, body => $body, abort => 0.01 });
is($r->{error}, 'aborted', 'a client leaves');
$mock->release();

# scripts

sub how ($how, %request) {
	$mock->next($how);
	return $t->request({ uri => $uri{openai}, body => $body, %request });
}

$r = how({ status => 429, headers => { 'Retry-After' => 7 } });
is("$r->{status} $r->{headers}{'retry-after'}", '429 7', 'status, header');

is(how({ headers => { 'Set-Cookie' => [ 'a=1', 'b=2' ] } })
	->{all}{'set-cookie'}[1], 'b=2', 'header twice');
is(@{how({ count => -1 })->{json}{data}}, 1, 'count -1');
is(@{how({ count => 2 })->{json}{data}}, 4, 'count +2');
is(how({ order => 'reverse' })->{json}{data}[0]{index}, 1, 'order');
is(how({ index => 'duplicate' })->{json}{data}[1]{index}, 0, 'duplicate');
is(how({ index => 'foreign' })->{json}{data}[1]{index}, 9, 'foreign');
ok(!exists how({ index => 'missing' })->{json}{data}[1]{index}, 'missing');
is(how({ junk => 1 })->{json}, undef, 'not JSON');
is(length how({ size => 3_000_000 })->{body}, 3_000_000, 'size');
is_own_answer(how({ bytewise => 1 }), 'bytewise');
is_own_answer(how({ chunked => 1 }), 'chunked');
is(how({ many => { status => 500 } })->{status}, 500, 'many');
is(how({ max_items => 1 })->{status}, 400, 'max_items');

$r = how({ gzip => 1 }, headers => { 'Accept-Encoding' => 'gzip' });
gunzip \$r->{body}, \my $plain;
is_own_answer({ %$r, body => $plain }, 'gzip');

is(how({}, body => { model => 'm', input => 'a POISON b' })->{status}, 400,
	'poison');

for my $fault (qw/ close reset /) {
	$r = how({ fault => $fault });
	is($r->{status}, 502, $fault);
}

for my $fault (qw/ reset_header reset_body cut cut_chunked /) {
	$r = how({ fault => $fault });
	ok($r->{error} || !$r->{json}, "$fault: not whole");
}

$mock->script(delay => 0.05);
cmp_ok($t->request({ uri => $uri{openai}, body => $body })->{time}, '>=', 0.05,
	'delay');

$mock->script(serial => [ 10, 10 ]);
@r = $t->burst(3, $uri{openai}, $body);
my ($last) = reverse sort { $a <=> $b } map { $_->{time} } @r;
cmp_ok($last, '>=', 0.09, 'serial');
$mock->reset();

# load, and the death of a worker

my $killed = 0;
$mock->script(delay => 0.005);

my $load = $t->load(clients => 8, requests => 400, uri => $uri{openai},
	body => sub ($i) { { model => 'm', input => "load $i" } },
	every => [ 0.02, sub {
		$t->kill9(($t->workers())[0]) if $killed++ == 1;
	} ]);
my @odd = grep { !$t->proc()->{killed}{$_->{worker}} } @{$load->{lost}};
is($load->{ok} + @{$load->{lost}}, 400, 'load: all are accounted for');
is(@odd + @{$load->{wrong}}, 0, 'load: only the killed worker loses requests');
$t->expect(qr/exited on signal 9/);

$load = $t->load(clients => 4, requests => 200, uri => $uri{openai},
	keepalive => 0,
	body => sub ($i) { { model => 'm', input => "load $i" } },
	every => [ 0.05, sub { $t->reload(wait => 0) } ]);
is($load->{ok}, 200, 'load: none is lost by reloads');

# nobody is forgotten whose answer does not come, or who cannot connect

$mock->script(hold => 1);
$load = $t->load(clients => 4, requests => 6, uri => $uri{openai},
	keepalive => 0, timeout => 0.2, body => sub ($i) { $body });
is((grep { $_->{problem} eq 'timeout' } @{$load->{wrong}}), 4,
	'load: time-outs are told');
$mock->script();
$mock->release();

for my $keepalive (0, 1) {
	$load = Test::LLMBatch::Client->new(addr => $t->addr(), port => 8089)
		->load(clients => 4, requests => 6, uri => $uri{openai},
			keepalive => $keepalive, body => sub ($i) { $body });
	is((grep { $_->{error} eq 'connect' } @{$load->{lost}}), 6,
		"load: no connections are told, keepalive $keepalive");
}

my %old = map { $_ => 1 } $t->workers();
ok($t->reload() && !(grep { $old{$_} } $t->workers(1)),
	'reload has replaced all workers');

# metrics

my $m = Test::LLMBatch::Metrics::parse(<<'EOF');
# HELP x y
x{b="1",a="2"} 3
x{a="2",b="4"} 5
y 7
EOF
is(Test::LLMBatch::Metrics::value($m, 'x{a="2"}'), 8, 'sum of series');
is(Test::LLMBatch::Metrics::value($m, 'z'), undef, 'no such series');

# kinds of listeners: in turn, each a time, and what a file has no use for

{
	local $ENV{LLMB_PLANT} = 'listen';
	local @ENV{qw/ TEST_NGINX_LISTEN TEST_NGINX_TURN /};

	my $kind = sub (%o) {
		local @ENV{map { "TEST_NGINX_\U$_" } keys %o} = values %o;
		return `$^X $FindBin::Bin/harness.t` =~ /, listen (\w+),/
			? $1 : 'none';
	};
	my %by = map { $kind->(turn => $_) => 1 } 0 .. 4;
	my $turn = $kind->();

	is(join(' ', sort keys %by), 'address tls unix wildcard',
		'listeners: all have their turn');
	is($kind->(turn => 0), $turn, 'listeners: whose turn it is');
	is($kind->(turn => 5), $turn, 'listeners: they come round');
	is($kind->(listen => 'turns'), $turn, 'listeners: turns');
	is($kind->(listen => 'unix'), 'unix', 'listeners: one of them');
	is($kind->(listen => 'ipv6'), 'address', 'listeners: no use for it');
}

like(`LLMB_PLANT=fails TEST_NGINX_LISTEN=unix $^X $FindBin::Bin/harness.t 2>&1`,
	qr/^# TEST_NGINX_LISTEN=unix/m, 'listeners: told after a failure');

# the end checks turn red

for my $plant (qw/ none emerg signal exit sanitizer gone backend
	metrics_good metrics_gauge metrics_used metrics_missing /) {
	local $ENV{LLMB_PLANT} = $plant;
	local $ENV{LLMB_SLOW} = 0.2 if $plant =~ /^metrics/;
	my $out = `$^X $FindBin::Bin/harness.t 2>&1`;
	my $good = $plant =~ /none|good/;
	like($out, $good ? qr/^ok 2 - clean/m : qr/^not ok 2 - clean end/m,
		"end checks: $plant");
	is($? == 0, $good, "end checks: $plant, exit code");
}

# and so does a file that never comes to them

for my $plant (qw/ undone dies leaves /) {
	local $ENV{LLMB_PLANT} = $plant;
	my $out = `$^X $FindBin::Bin/harness.t 2>&1`;
	ok($? != 0, "no end: $plant, exit code") or diag($out);
	unlike($out, qr/clean end/, "no end: $plant");
}

$t->done();


# a file in place of the status page, and maps for the variables

sub metrics_of ($what) {
	my $text = join '', map { "llm_batch_$_\n" } 'queue_requests 0',
		'inflight_calls 0', 'zone_requests 0', 'zone_calls 0',
		'illegal_transitions_total 0', 'zone_bytes{state="free"} 9', 'zone_bytes{state="used"} 7';

	my $nginx = $ENV{TEST_NGINX_BINARY} || '/usr/sbin/nginx';
	my $maps = join "\n", map { qq!map "" \$llm_batch_$_ { default ""; }! }
		qw/ status reason close id size index adapter model task mode
			wait tokens upstream_time cost saved group key provider operation
			prefix tier output_tokens cached_tokens /;

	# unless it is linked in, indeed

	$maps = '' if Test::LLMBatch::Proc::slurp($nginx) =~ /llm_batch_zone/;

	$t->write_file('metrics', $text);
	$t->write_file_expand('nginx.conf', <<'EOF' =~ s/VARIABLES/$maps/r);
%%GLOBALS%%
events { }
http {
    VARIABLES
    %%GLOBALS_HTTP%%
    server {
        listen %%ADDR%%:8080;
        location = /llm-batch { alias %%DIR%%/metrics; }
    }
}
EOF
	$t->run();

	$text =~ s/queue_requests 0/queue_requests 1/ if $what =~ /gauge/;
	$text =~ s/"used"} 7/"used"} 8/ if $what =~ /used/;
	$text =~ s/llm_batch_zone_calls 0\n// if $what =~ /missing/;
	$t->write_file('metrics', $text);
}

sub planted ($what) {
	ok(1);

	die "planted\n" if $what eq 'dies';
	ok(0) if $what eq 'fails';
	return 0 if $what eq 'leaves';
	return done_testing() && 0 if $what eq 'undone';

	if ($what =~ /^metrics/) {
		metrics_of($what);
		$t->done();
		return 0;
	}

	if ($what eq 'listen' or $what eq 'fails') {
		$t->done();
		return 0;
	}

	$t->conf('location / { proxy_pass http://backend; }');
	my $mock = $t->backend();
	$t->run();

	if ($what eq 'emerg') {
		$t->write_file('nginx.conf', 'nonsense;');
		$t->proc()->signal('HUP');
		wait_for { $t->read_file('error.log') =~ /emerg/ };

	} elsif ($what eq 'signal') {
		$t->kill9($t->workers());

	} elsif ($what eq 'exit') {
		$t->write_file('stderr.log', "worker exited with code 1\n");

	} elsif ($what eq 'sanitizer') {
		$t->write_file('asan.17', "ERROR: AddressSanitizer\n");

	} elsif ($what eq 'gone') {
		kill 'KILL', $t->workers(), $t->proc()->{pid};
		wait_for { !$t->proc()->running() };

	} elsif ($what eq 'backend') {
		kill 'KILL', $mock->{pid};
		wait_for { !kill 0, $mock->{pid} or $mock->died() };
	}

	$t->done();
	return 0;
}
