#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards that a model in the path is one: it has its name in the variables, in
# that of its group and in the catalogue, and what one model has taught is not
# taken for what another one does.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

my $t = Test::LLMBatch->new('model of the path')->has('llm_batch');
my $mock = $t->backend();

$t->write_file('models.json', '{"models": [
	{"match": "priced", "price": {"input": 1000, "output": 0}}
]}');

$t->conf(<<'EOF', http => 'llm_batch_models models.json;');
llm_batch zone=llm;
llm_batch_adapter kserve_v1 oip_v2 gemini_embed openai_embeddings;

location / {
    proxy_pass http://backend;
}
EOF
$t->run();

# the name

my %content = (content => { parts => [ { text => 'a' } ] });
my %tensor = (name => 'x', shape => [ 1, 1 ], datatype => 'FP32',
	data => [ 0.5 ]);

named('m', '/v1/models/m:predict', { instances => [ 0.5 ] });
named('m', '/v1/models/m/versions/3:predict', { instances => [ 0.5 ] });
named('m', '/v1/models/m/labels/new:predict', { instances => [ 0.5 ] });
named('m:2', '/v1/models/m:2:predict', { instances => [ 0.5 ] });
named('m', '/v1/models/m:predict', { instances => [ 0.5 ], model => 'x' });
named('priced', '/v2/models/priced/infer', { inputs => [ \%tensor ] });
named('m', '/v2/models/m/versions/1/infer', { inputs => [ \%tensor ] });
named('m', '/v1beta/models/m:embedContent', \%content);
named('m', '/v1beta/models/m:embedContent',
	{ %content, model => 'models/m' });
named('m', '/v1beta/models/m:batchEmbedContents',
	{ requests => [ { %content, model => 'models/m' } ] });
named('ada', '/openai/deployments/ada/embeddings', { input => 'a' });
named('m', '/openai/deployments/ada/embeddings',
	{ input => 'a', model => 'm' });
named('', '/v1/embeddings', { input => 'a' });

# one that is not batched has it, too

named('m', '/v1/models/m:explain', { instances => [ 0.5 ] });
named('m', '/v1/models/m:predict', { instances => [ 0.5 ], stream => \1 });

# in the catalogue

my ($log) = $t->logged(1, sub {
	$t->request({ uri => '/v1/models/priced:predict',
		body => { instances => [ 'some text' ] } });
});
cmp_ok($log->[0]{cost} || 0, '>', 0, 'its price');

# what is learned

# on a busy machine it takes more of them

for my $n (1 .. 1000) {
	$t->request(of('A', input => [ map { "text $_" } 1 .. 1 + $n % 3 ]));
	last if $n % 40 == 0 && known();
}

is(known(), 1, 'one has learned what calls cost');
$t->request(of('A', more => { signature_name => 's' }, task => 's'));
is(known(), 2, 'so has another group of that model');
$t->request(of('B'));
is(known(), 2, 'but not another model');
$t->request(of('A/versions/2', more => { signature_name => 't' }, task => 't'));
is(known(), 3, 'a version is of the model');

$t->done();


sub named ($model, $uri, $body) {
	my ($log) = $t->logged(1, sub {
		$t->request({ uri => $uri, body => $body });
	});

	is($log->[0]{model} // '', $model, "$uri: model");
	is($log->[0]{group} // '', ":$model", "$uri: group");
}

sub of ($model, %o) {
	# the page has a row for each name

	return { uri => "/v1/models/$model:predict",
		headers => { 'X-LLM-Task' => $o{task} // '' }, body => {
			instances => $o{input} // [ 'text' ],
			%{$o{more} // {}} } };
}

sub known {
	my $json = $t->request({ uri => '/llm-batch?format=json' })->{json};

	return scalar grep { $_->{call_cost} } @{$json->{zones}{llm}{groups}};
}
