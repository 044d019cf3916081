#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards that answers which do not fit into memory, and have no temporary file
# either, cost nobody an answer: requests go their own way, and the upstream is
# not blamed.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

my $t = Test::LLMBatch->new('no room for answers')->has('llm_batch')->plan(26);

my $row = '0.0123456789,' x 1024 . '1';
my $short = '1,' x 4095 . '1';
my $mock = $t->backend(8081, code => sub ($call) {
	my $row = $call->{body} =~ /"short"/ ? $short : $row;

	return { body => '{"object":"list","data":[' . join(',', map {
		qq({"object":"embedding","index":$_,"embedding":[$row]})
	} 0 .. $call->{items} - 1) . '],"model":"m","usage":{'
		. '"prompt_tokens":9,"total_tokens":9}}' };
});
my $uri = '/v1/embeddings';

$t->write_file('models.json',
	'{"models":[{"match":"ten","max_items":100}]}');
$t->conf(<<'EOF', http => 'llm_batch_models models.json;');
location / {
    llm_batch zone=llm;
    llm_batch_concurrency 1;
    llm_batch_max_size 300;
    llm_batch_max_wait 20s;
    llm_batch_breaker failures=1 cooldown=60s;
    client_body_temp_path %%DIR%%/spool;
    proxy_pass http://backend;
}
EOF

$t->expect(qr/\[crit\] .*spool/);
$t->run();

rename $t->dir() . '/spool', $t->dir() . '/away' or die $!;

# parts that fit, but not together; a call of its own; one of several

alone($t->request(of('ten', 300)), 300, 'parts');
alone($t->request(of('one', 300)), 300, 'in one piece');

my @r = $t->plugged($mock, [ map { of('several', 100) } 1 .. 3 ]);

alone($_, 100, 'of several') for @r;

# base64 is longer than such numbers: the call's answer fits, that of one of
# its members does not, and the others get theirs all the same

@r = $t->plugged($mock, [ map { of('short', $_, encoding_format => 'base64') }
	110, 1, 2 ]);

alone($r[0], 110, 'the large one');
is(join(' ', map { $_->{headers}{'x-status'} // '' } @r[1, 2]),
	'MERGED MERGED', 'beside a large one: outcome');
is(scalar(() = $r[$_]{body} =~ /"index":/g), $_, "beside a large one: answer $_")
	for 1, 2;

# nor does a client get nothing that asked for base64 and is alone: what was
# collected to be written anew goes on as it came, whether it has no room
# itself or only what it would become

for my $case ([ 'one', 200 ], [ 'short', 200 ]) {
	my ($model, $n) = @$case;
	my $r = $t->request({ %{of($model, $n, encoding_format => 'base64')},
		headers => { 'Idempotency-Key' => 'x' } });

	is("$r->{status} $r->{error}", '200 ', "repair, $model: status");
	is(scalar(() = $r->{body} =~ /"embedding":\[[0-9.,]+\]/g), $n,
		"repair, $model: as it came");
}

# nothing was learned of the upstream by that

is($t->request(of('one', 1))->{headers}{'x-status'}, 'SINGLE',
	'the breaker is closed');

$t->done();


sub of ($model, $n, %more) {
	return { uri => $uri, body => { model => $model, %more,
		input => [ map { "text $_" } 1 .. $n ] } };
}

sub alone ($r, $n, $name) {
	is($r->{status}, 200, "$name: status");
	is(join(' ', map { $r->{headers}{$_} // '' } qw/ x-status x-reason /),
		'FALLBACK internal', "$name: outcome");
	is(scalar(() = $r->{body} =~ /"index":/g), $n, "$name: the answer");
}
